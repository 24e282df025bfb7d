import { connect, type Socket } from 'node:net'
import { describeError, HangdogError, systemCode } from '../errors.js'
import { LineSplitter } from './line-splitter.js'
import { type Answer, type ControlMethods, type ControlStreams, parseAnswer, toError } from './protocol.js'

/** Bytes of an answer; that of 10,000 services has 6 MB. */
const longestAnswer = 64 * 1024 * 1024

const defaultTimeoutMs = 2000

/**
 * Asks a hangdog once. @param timeoutMs for all of it; default 2000
 * @throws HangdogError `unavailable` when nobody answers in time, `permission` when it may not be asked; otherwise what was thrown there
 */
export async function callControl<Method extends keyof ControlMethods>(
  path: string,
  method: Method,
  params: ControlMethods[Method]['params'],
  timeoutMs: number = defaultTimeoutMs,
): Promise<ControlMethods[Method]['result']> {
  const answers = new AnswerQueue(path)
  const timer = setTimeout(() => answers.fail(noAnswer(path, `nothing came within ${timeoutMs} ms`)), timeoutMs)
  try {
    answers.ask(method, params)
    const answer = await answers.next()
    if (answer === undefined) throw noAnswer(path, 'it closed the connection')
    return answer.result as ControlMethods[Method]['result']
  } finally {
    clearTimeout(timer)
    answers.close()
  }
}

export interface FollowOptions {
  /** Ends the following; the iteration then ends. */
  readonly signal: AbortSignal
}

/**
 * Asks a hangdog for what goes on; ends when that hangdog ends it or stops, or with the signal.
 * @throws HangdogError as `callControl`
 */
export async function* followControl<Method extends keyof ControlStreams>(
  path: string,
  method: Method,
  params: ControlStreams[Method]['params'],
  { signal }: FollowOptions,
): AsyncGenerator<ControlStreams[Method]['result']> {
  if (signal.aborted) return
  const answers = new AnswerQueue(path)
  const stop = (): void => answers.close()
  signal.addEventListener('abort', stop)
  try {
    answers.ask(method, params)
    for (let answer = await answers.next(); answer !== undefined; answer = await answers.next()) {
      if (answer.done === true) return
      yield answer.result as ControlStreams[Method]['result']
    }
  } finally {
    signal.removeEventListener('abort', stop)
    answers.close()
  }
}

/** One connection with one request; its answers wait here until they are taken. */
class AnswerQueue {
  readonly #path: string
  readonly #socket: Socket
  readonly #waiting: Answer[] = []
  #ended = false
  #error: HangdogError | undefined
  #wake: () => void = () => {}

  constructor(path: string) {
    this.#path = path
    this.#socket = connect(path)
    const lines = new LineSplitter(
      longestAnswer,
      (line) => this.#lineReceived(line),
      () => this.fail(noAnswer(path, `an answer is longer than ${longestAnswer} bytes`)),
    )
    this.#socket.on('data', (chunk: Buffer) => lines.push(chunk))
    this.#socket.on('error', (error) => this.#failed(error))
    this.#socket.on('close', () => this.#end())
  }

  ask(method: string, params: object): void {
    this.#socket.write(`${JSON.stringify({ id: 1, method, params })}\n`)
  }

  /** The next answer; undefined when there will be none. @throws HangdogError */
  async next(): Promise<Answer | undefined> {
    while (this.#waiting.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const answer = this.#waiting.shift()
    if (answer === undefined && this.#error !== undefined) throw this.#error
    return answer
  }

  fail(error: HangdogError): void {
    if (!this.#ended) this.#error ??= error
    this.#end()
  }

  close(): void {
    this.#end()
  }

  #lineReceived(line: string): void {
    if (this.#ended) return
    try {
      const answer = parseAnswer(line)
      if (answer.error !== undefined) throw toError(answer.error)
      this.#waiting.push(answer)
      this.#wake()
    } catch (error) {
      this.fail(error instanceof HangdogError ? error : noAnswer(this.#path, describeError(error)))
    }
  }

  #failed(error: unknown): void {
    const code = systemCode(error)
    // A hangdog that refuses or stops closes the connection while we may still be writing; what it said before tells more.
    if (code === 'EPIPE' || code === 'ECONNRESET') return
    const denied = code === 'EACCES' || code === 'EPERM'
    this.fail(
      denied
        ? new HangdogError('permission', `cannot ask hangdog at "${this.#path}": not permitted`, error)
        : noAnswer(this.#path, describeError(error), error),
    )
  }

  #end(): void {
    this.#ended = true
    this.#socket.destroy()
    this.#wake()
  }
}

function noAnswer(path: string, cause: string, error?: unknown): HangdogError {
  return new HangdogError('unavailable', `cannot ask hangdog at "${path}": ${cause}`, error)
}
