import { type Call, InspectedThread, quietly } from './inspected-thread.js'
import { createProtocolChannel, type ProtocolChannel, toRecord } from './protocol-channel.js'

/** Workers that are looked at; each costs a list of some 150 scripts. */
const workerLimit = 16

export interface InspectedWorker {
  /** As Node calls it: `[worker 3]`, with the name it was given, if any. */
  readonly title: string
  readonly url: string
  readonly thread: InspectedThread
}

/**
 * The worker threads of a Node process. Their inspectors are reached through that of the main thread, which carries the messages: it
 * can do that when it idles, and when it runs JavaScript, but not when it is blocked in native code.
 */
export class WorkerThreads {
  readonly #call: Call
  readonly #workers = new Map<string, InspectedWorker & { readonly channel: ProtocolChannel }>()
  #left = 0

  constructor(call: Call) {
    this.#call = call
  }

  /** @returns false when the event is about something else */
  hear(method: string, parameters: Readonly<Record<string, unknown>>): boolean {
    if (!method.startsWith('NodeWorker.')) return false
    const sessionId = String(parameters.sessionId)
    if (method === 'NodeWorker.attachedToWorker') this.#attached(sessionId, toRecord(parameters.workerInfo))
    const worker = this.#workers.get(sessionId)
    if (method === 'NodeWorker.receivedMessageFromWorker') worker?.channel.receive(String(parameters.message))
    if (method === 'NodeWorker.detachedFromWorker') worker?.channel.end('the worker ended')
    return true
  }

  get all(): readonly InspectedWorker[] {
    return [...this.#workers.values()]
  }

  /** How many more there are than were looked at. */
  get omitted(): number {
    return this.#left
  }

  end(): void {
    for (const { channel } of this.#workers.values()) channel.end('the connection ended')
  }

  #attached(sessionId: string, info: Readonly<Record<string, unknown>>): void {
    // Node loads modules with hooks in a worker of its own, which is none of the program's.
    if (String(info.url).startsWith('node:')) return
    if (this.#workers.size >= workerLimit) {
      this.#left++
      return
    }
    const send = (message: string) => quietly(this.#call('NodeWorker.sendMessageToWorker', { sessionId, message }))
    const channel = createProtocolChannel(send, (news) => thread.hear(news))
    const thread = new InspectedThread(channel.call)
    const title = String(info.title ?? '').slice(0, 200)
    this.#workers.set(sessionId, { title, url: String(info.url ?? '').slice(0, 1000), thread, channel })
    quietly(thread.call('Debugger.enable'))
    quietly(thread.call('Debugger.pause'))
  }
}
