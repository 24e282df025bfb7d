import { get } from 'node:http'
import { describeError, HangdogError } from '../errors.js'
import type { ListeningPort } from './listening-port.js'

/** A connection to the inspector of a Node process, speaking the DevTools protocol. */
export interface InspectorSession {
  /** Sends a command. Rejects when it fails or when the connection ends first. */
  call(method: string, parameters?: object): Promise<Readonly<Record<string, unknown>>>
  /** Ends the connection; Node then resumes the program if this session had paused it. */
  close(): void
}

/** What comes from the inspector, reported in the order it came in. */
export type InspectorNews =
  | { readonly kind: 'event'; readonly method: string; readonly parameters: Readonly<Record<string, unknown>> }
  /** A command was answered. Its promise settles later: several messages of one packet are reported before any promise does. */
  | { readonly kind: 'answer'; readonly to: string }
  /** The connection is gone; nothing more comes. */
  | { readonly kind: 'ended' }

/**
 * Connects to an inspector. Its own thread answers, so this works while the main thread is hung.
 * @throws HangdogError `unavailable` when nothing there speaks the protocol
 */
export async function openInspectorSession(
  at: ListeningPort,
  onNews: (news: InspectorNews) => void,
  cutOff: AbortSignal,
): Promise<InspectorSession> {
  const address = await readDebuggerAddress(at, cutOff)
  const { WebSocket } = await import('ws')
  const socket = new WebSocket(address, { perMessageDeflate: false, handshakeTimeout: 1000 })
  // Closing a socket that is still connecting reports an error as well; nobody is left to hear it.
  const end = () => socket.terminate()
  cutOff.addEventListener('abort', end, { once: true })
  const pending = new Map<number, PendingCall>()
  const fail = (cause: string) => {
    const error = new HangdogError('unavailable', `cannot ask the inspector: ${cause}`)
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  socket.on('error', (error) => fail(describeError(error)))
  socket.on('close', () => {
    cutOff.removeEventListener('abort', end)
    fail('the connection ended')
    onNews({ kind: 'ended' })
  })
  socket.on('message', (data) => {
    const message = parseMessage(String(data))
    if (message.method !== undefined) {
      return onNews({ kind: 'event', method: message.method, parameters: message.params })
    }
    const call = pending.get(message.id)
    if (call === undefined) return
    pending.delete(message.id)
    onNews({ kind: 'answer', to: call.method })
    if (message.error === undefined) call.resolve(message.result)
    else call.reject(new HangdogError('unavailable', `cannot ask the inspector: ${message.error}`))
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('close', () =>
      reject(new HangdogError('unavailable', 'cannot open the inspector: it closed the connection')),
    )
  })
  let lastId = 0
  return {
    call: (method, parameters = {}) =>
      new Promise((resolve, reject) => {
        const id = ++lastId
        pending.set(id, { method, resolve, reject })
        socket.send(JSON.stringify({ id, method, params: parameters }))
      }),
    // Not terminate: what was sent last must still arrive. The end of hangdog would close it as well.
    close: () => socket.close(),
  }
}

interface PendingCall {
  readonly method: string
  readonly resolve: (value: Record<string, unknown>) => void
  readonly reject: (error: Error) => void
}

interface Message {
  readonly id: number
  readonly method: string | undefined
  readonly params: Record<string, unknown>
  readonly result: Record<string, unknown>
  readonly error: string | undefined
}

function parseMessage(text: string): Message {
  const message = toRecord(JSON.parse(text))
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

/** Asks the port for its list of targets. The URL is made here from the id, so that an answer cannot lead elsewhere. */
function readDebuggerAddress(at: ListeningPort, cutOff: AbortSignal): Promise<string> {
  const cannot = (cause: string) => new HangdogError('unavailable', `cannot use port ${at.port} as inspector: ${cause}`)
  return new Promise((resolve, reject) => {
    const request = get(
      { host: at.host, port: at.port, path: '/json/list', signal: cutOff, timeout: 500, agent: false },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          body += chunk
          if (body.length > 65_536) request.destroy(cannot('its answer is too long'))
        })
        response.on('error', reject)
        response.on('end', () => {
          const id = /"id":\s*"([0-9a-f-]{36})"/.exec(body)?.[1]
          if (id === undefined) reject(cannot('it does not answer like one'))
          else resolve(`ws://${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}/${id}`)
        })
      },
    )
    request.on('timeout', () => request.destroy(cannot('no answer within 500 ms')))
    request.on('error', reject)
  })
}
