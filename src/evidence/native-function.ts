/** Functions every waiting thread ends in; they say how it waits, not for whom. */
const libraryFunction =
  /^_*(GI_|libc_|lll_|futex|do_futex|syscall|pthread_|read|poll|select|clock_|nanosleep|sem_|new_sem|internal_|epoll|uv_)/

/** Below this one there is JavaScript, whose frames no native debugger can name. */
const javaScriptEntry = /^Builtins_/

/** Of V8's built-in functions, those that every JavaScript passes through. */
const passage = /^Builtins_.*(Entry|Trampoline)/

/**
 * The function of the main thread's native stack that tells most: what JavaScript called in Node or in V8, and in other programs the
 * innermost one outside the C library. Without arguments and template parameters.
 * @param stack lines of gdb or eu-stack
 */
export function selectNativeFunction(stack: readonly string[]): string | undefined {
  const all = readMainThread(stack)
  const entry = all.findIndex((name) => javaScriptEntry.test(name))
  const names = entry === -1 ? all : all.slice(0, entry)
  return (
    names.find((name) => name.startsWith('node::')) ??
    names.find((name) => /^v8::internal::(Builtin|Runtime)_/.test(name)) ??
    names.find((name) => !libraryFunction.test(name)) ??
    all.find((name) => javaScriptEntry.test(name) && !passage.test(name))
  )
}

/** The names, innermost first. gdb calls the main thread 1 and lists it last; eu-stack lists it first. */
function readMainThread(stack: readonly string[]): readonly string[] {
  const start = stack.findIndex((line) => /^(Thread 1 |TID )/.test(line))
  const rest = stack.slice(start + 1)
  const end = rest.findIndex((line) => /^(Thread|TID) /.test(line))
  return rest.slice(0, end === -1 ? undefined : end).flatMap(readName)
}

function readName(line: string): readonly string[] {
  const text = /^#\d+\s+(?:0x[0-9a-f]+\s+(?:- \d+\s+)?(?:in\s+)?)?(.+)$/.exec(line)?.[1]
  if (text === undefined || text.startsWith('??')) return []
  let name = text.replaceAll('(anonymous namespace)', 'anonymous').replace(/\(.*$/, '').trim()
  for (let before = ''; before !== name; ) {
    before = name
    name = name.replace(/<[^<>]*>/g, '')
  }
  // A function made from a template comes with its return type before it.
  const last = name.split(' ').at(-1)
  return last === undefined || last === '' ? [] : [last]
}
