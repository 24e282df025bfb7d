import { HangdogError } from '../errors.js'

/** What comes from an inspector, reported in the order it came in. */
export type InspectorNews =
  | { readonly kind: 'event'; readonly method: string; readonly parameters: Readonly<Record<string, unknown>> }
  /** A command was answered. Its promise settles later: several messages of one packet are reported before any promise does. */
  | { readonly kind: 'answer'; readonly to: string }
  /** The connection is gone; nothing more comes. */
  | { readonly kind: 'ended' }

/** Commands and answers of the DevTools protocol over anything that carries text. */
export interface ProtocolChannel {
  /** Sends a command. Rejects when it fails or when the channel ends first. */
  call(method: string, parameters?: object): Promise<Readonly<Record<string, unknown>>>
  /** A message came in. Text that is no message is ignored. */
  receive(text: string): void
  /** What was not answered yet never will be. */
  end(cause: string): void
}

interface PendingCall {
  readonly method: string
  readonly resolve: (value: Record<string, unknown>) => void
  readonly reject: (error: Error) => void
}

export function createProtocolChannel(
  send: (text: string) => void,
  onNews: (news: InspectorNews) => void,
): ProtocolChannel {
  const pending = new Map<number, PendingCall>()
  let lastId = 0
  let gone: HangdogError | undefined
  return {
    call: (method, parameters = {}) =>
      new Promise((resolve, reject) => {
        if (gone !== undefined) return reject(gone)
        const id = ++lastId
        pending.set(id, { method, resolve, reject })
        send(JSON.stringify({ id, method, params: parameters }))
      }),
    receive: (text) => {
      const message = parseMessage(text)
      if (message === undefined) return
      if (message.method !== undefined) {
        return onNews({ kind: 'event', method: message.method, parameters: message.params })
      }
      const call = pending.get(message.id)
      if (call === undefined) return
      pending.delete(message.id)
      onNews({ kind: 'answer', to: call.method })
      if (message.error === undefined) call.resolve(message.result)
      else call.reject(new HangdogError('unavailable', `cannot ask the inspector: ${message.error}`))
    },
    end: (cause) => {
      if (gone !== undefined) return
      gone = new HangdogError('unavailable', `cannot ask the inspector: ${cause}`)
      for (const { reject } of pending.values()) reject(gone)
      pending.clear()
      onNews({ kind: 'ended' })
    },
  }
}

interface Message {
  readonly id: number
  readonly method: string | undefined
  readonly params: Record<string, unknown>
  readonly result: Record<string, unknown>
  readonly error: string | undefined
}

function parseMessage(text: string): Message | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  const message = toRecord(parsed)
  return {
    id: Number(message.id ?? 0),
    method: typeof message.method === 'string' ? message.method : undefined,
    params: toRecord(message.params),
    result: toRecord(message.result),
    error: message.error === undefined ? undefined : String(toRecord(message.error).message),
  }
}

/** Anything that is not an object counts as an empty one. */
export function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}

export function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
