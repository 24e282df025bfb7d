import { type Milliseconds, milliseconds } from '../time.js'
import type { EvidenceOptions } from './collector.js'
import type { Collector } from './exhibit.js'
import { createGoStackCollector } from './go-stack.js'
import { javaMemoryCollector } from './java-memory.js'
import { createJavaStackCollector } from './java-stack.js'
import { createJavaScriptStackCollector } from './javascript-stack.js'
import { createPythonStackCollector } from './python-stack.js'
import { type Runtime, readRuntime } from './runtime.js'

/** What is asked of a runtime before a native debugger is tried. */
export interface RuntimeCollectors {
  /** Run side by side. The first takes the stack: the native one is taken when it comes back with nothing. */
  readonly collectors: readonly Collector[]
  /** Longest time they may take, and the share of the budget; the native stack, which comes after, has what is left. */
  readonly limit: Milliseconds
  readonly share: number
  /** The runtime's own stack shows only its own code, so the native stack is taken as well. */
  readonly nativeToo: boolean
}

/** A Java machine near the limit of its heap takes a second to answer; gdb reads goroutines within half of one. */
const longLimit = milliseconds(1800)
/** gdb loads the debugging data of Debian's Python in two seconds. */
const debuggerLimit = milliseconds(4000)
const javaScriptLimit = milliseconds(1200)

/** Chooses the collectors by the runtime of a process. Each runtime's are made once, for those that remember something. */
export function createRuntimeCollectors(options: EvidenceOptions): (pid: number) => Promise<RuntimeCollectors> {
  const { platform } = options
  const javaScript = options.javaScriptStack === false ? [] : [createJavaScriptStackCollector(platform)]
  const java = [createJavaStackCollector(platform), javaMemoryCollector]
  const go = options.nativeStack === false ? [] : [createGoStackCollector(platform)]
  const python = createPythonStackCollector(platform, options.nativeStack !== false)
  const byRuntime: Readonly<Record<Runtime['kind'], RuntimeCollectors>> = {
    node: { collectors: javaScript, limit: javaScriptLimit, share: 0.4, nativeToo: false },
    java: { collectors: java, limit: longLimit, share: 0.6, nativeToo: false },
    python: { collectors: [python], limit: debuggerLimit, share: 0.9, nativeToo: true },
    go: { collectors: go, limit: longLimit, share: 0.6, nativeToo: false },
    native: { collectors: [], limit: javaScriptLimit, share: 0.4, nativeToo: true },
    // The JavaScript collector says what it was not permitted to read.
    unknown: { collectors: javaScript, limit: javaScriptLimit, share: 0.4, nativeToo: true },
  }
  const otherJava = { ...byRuntime.java, collectors: [otherJavaCollector] }
  return async (pid) => {
    const runtime = await readRuntime(pid)
    return runtime.kind === 'java' && runtime.machine !== 'hotspot' ? otherJava : byRuntime[runtime.kind]
  }
}

/** On SIGQUIT it writes a file of some megabytes where the service runs, and it has a protocol of its own. */
const otherJavaCollector: Collector = {
  name: 'java-stack',
  collect: async () => ({ kind: 'missing', reason: 'it is OpenJ9, whose threads only its own tools can read' }),
}
