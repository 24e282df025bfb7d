import { get } from 'node:http'
import { describeError, HangdogError } from '../errors.js'
import type { ListeningPort } from './listening-port.js'
import { createProtocolChannel, type InspectorNews } from './protocol-channel.js'

/**
 * The longest message taken in, in bytes: a stack of ten thousand frames has about 6 MB. What is longer ends the connection, and Node
 * lets the program go on.
 */
const longestMessage = 16 * 1024 * 1024

/** All that is taken in, in bytes: what says more is no inspector, and hangdog would do nothing but read it. */
const mostTakenIn = 64 * 1024 * 1024

/** A connection to the inspector of a Node process, speaking the DevTools protocol. */
export interface InspectorSession {
  /** Sends a command. Rejects when it fails or when the connection ends first. */
  call(method: string, parameters?: object): Promise<Readonly<Record<string, unknown>>>
  /** Resolves when the connection has ended, whoever ended it. */
  readonly ended: Promise<void>
  /** Ends the connection; Node then resumes the program if this session had paused it. */
  close(): void
}

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
  const socket = new WebSocket(address, {
    perMessageDeflate: false,
    handshakeTimeout: 1000,
    maxPayload: longestMessage,
  })
  // Closing a socket that is still connecting reports an error as well; nobody is left to hear it.
  const end = () => socket.terminate()
  cutOff.addEventListener('abort', end, { once: true })
  let failure = 'the connection ended'
  let unanswered = 0
  const channel = createProtocolChannel(
    (text) => socket.send(text),
    (news) => {
      const isNothing = news.kind === 'answer' && news.to === nothing
      if (news.kind !== 'ended' && (!isNothing || unanswered > 0)) nudge()
      if (!isNothing) onNews(news)
    },
  )
  const nudge = createNudge(() => channel.call(nothing))
  socket.on('error', (error) => {
    failure = describeError(error)
  })
  const ended = new Promise<void>((resolve) => {
    socket.on('close', () => {
      cutOff.removeEventListener('abort', end)
      channel.end(failure)
      resolve()
    })
  })
  let takenIn = 0
  socket.on('message', (data) => {
    const text = String(data)
    takenIn += text.length
    if (takenIn <= mostTakenIn) return channel.receive(text)
    failure = 'it sent too much'
    socket.terminate()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('close', () =>
      reject(new HangdogError('unavailable', 'cannot open the inspector: it closed the connection')),
    )
  })
  return {
    call: async (method, parameters) => {
      unanswered++
      try {
        return await channel.call(method, parameters)
      } finally {
        unanswered--
      }
    },
    ended,
    // Not terminate: what was sent last must still arrive. The end of hangdog would close it as well.
    close: () => socket.close(),
  }
}

/** A command that does nothing, for its acknowledgement alone. */
const nothing = 'Schema.getDomains'

/**
 * Node sends small messages only when those before were acknowledged, and this system puts that off for 40 ms unless it has something to
 * send anyway. So whatever comes in is answered with a command, once a turn; the answer to that is so only while others are waited for,
 * or the two would go on for ever. A stack would meet four such waits.
 */
function createNudge(send: () => Promise<unknown>): () => void {
  let waiting = false
  return () => {
    if (waiting) return
    waiting = true
    setImmediate(() => {
      waiting = false
      send().catch(() => {})
    })
  }
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
    // An answer that changes the protocol ends the connection without an error. After any other outcome this does nothing.
    request.on('close', () => reject(cannot('it closed the connection')))
  })
}
