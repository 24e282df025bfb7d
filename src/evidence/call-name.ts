import type { InspectedThread, RawFrame } from './inspected-thread.js'
import { toRecord } from './protocol-channel.js'
import { within } from './settleable.js'

/** Scripts longer than this are not fetched, in characters; a bundle is seldom longer. */
const longestScript = 4_000_000

/** A plain path to an object, such as `this.pattern`; evaluating anything else could do something. */
const plainPath = /(?:^|[^\w$.\])])([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)\.\s*$/
/** A regular expression written where it is used. With flags it looks like a division by a variable of that name. */
const literal = /\/\.\s*$/
const literalWithFlags = /\/[dgimsuvy]+\.\s*$/
const ofRegularExpression = /^(?:exec|test)$/
const methodCall = /^([A-Za-z_$][\w$]*)\s*\(/

/** Fetches a script that is not too long. Undefined when it cannot be had in time. */
export async function fetchSource(
  thread: InspectedThread,
  scriptId: string,
  limitMs: number,
): Promise<string | undefined> {
  const script = thread.script(scriptId)
  if (script === undefined || script.length > longestScript || script.url.startsWith('node:')) return undefined
  const answer = await within(
    thread.call('Debugger.getScriptSource', { scriptId }).catch(() => undefined),
    limitMs,
  )
  return typeof answer?.scriptSource === 'string' ? answer.scriptSource : undefined
}

/**
 * Names the built-in function of JavaScript that a paused thread is inside of, such as `RegExp.exec`: V8 shows no frame for it, only
 * that the innermost frame stands at a call. What is called is asked of the paused thread, by an evaluation that V8 ends before it
 * could change anything. Undefined unless all of this is certain.
 */
export async function nameBuiltInCall(
  thread: InspectedThread,
  frame: RawFrame,
  source: string,
  limitMs: number,
): Promise<string | undefined> {
  const line = selectLine(source, frame.line)
  const method = methodCall.exec(line.slice(frame.column, frame.column + 200))?.[1]
  const before = line.slice(Math.max(0, frame.column - 200), frame.column)
  if (method === undefined) return undefined
  if (literal.test(before)) return ofRegularExpression.test(method) ? `RegExp.${method}` : undefined
  const receiver = plainPath.exec(before)?.[1]
  if (receiver === undefined) return undefined
  const evaluate = async (expression: string) => {
    const parameters = { callFrameId: frame.id, expression, silent: true, throwOnSideEffect: true }
    return toRecord((await thread.call('Debugger.evaluateOnCallFrame', parameters)).result)
  }
  const both = Promise.all([evaluate(receiver), evaluate(`${receiver}.${method}`)]).catch(() => undefined)
  const [object, callee] = (await within(both, limitMs)) ?? []
  // There is no such variable, so these are the flags of an expression.
  const isLiteral = object?.className === 'ReferenceError' && literalWithFlags.test(before)
  if (isLiteral && ofRegularExpression.test(method)) return `RegExp.${method}`
  if (!/\{ \[native code\] \}$/.test(String(callee?.description ?? ''))) return undefined
  const type = nameType(receiver, object ?? {})
  return type === undefined ? undefined : `${type}.${method}`
}

/** `JSON` and `Atomics` are called by these names; what else an object is, V8 says. */
function nameType(path: string, object: Readonly<Record<string, unknown>>): string | undefined {
  if (/^(?:JSON|Atomics|Object|Array|String|Reflect|BigInt|Math|Date)$/.test(path)) return path
  if (object.type === 'string') return 'String'
  return object.type === 'object' && typeof object.className === 'string' && object.className !== 'Object'
    ? object.className
    : undefined
}

/** One line of a text, without splitting all of it. @param wanted counts from 0 */
function selectLine(text: string, wanted: number): string {
  let start = 0
  for (let line = 0; line < wanted; line++) {
    const end = text.indexOf('\n', start)
    if (end === -1) return ''
    start = end + 1
  }
  const end = text.indexOf('\n', start)
  return text.slice(start, end === -1 ? undefined : end)
}
