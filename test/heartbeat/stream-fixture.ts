import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Emitted } from '../../src/event/event.js'
import type { Enrolment } from '../../src/heartbeat/enrolment.js'
import { openStreamServer, type StreamServer, type StreamServerOptions } from '../../src/heartbeat/stream-server.js'
import { systemClock } from '../../src/system-clock.js'
import { RecordingReceiver } from './recording-receiver.js'

/** A folder that is removed with the test. */
export function makeFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'hangdog-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Waits until something is so; the limit is for the machine that is busy with other things. */
export async function until(what: string, holds: () => boolean, limitMs = 20_000): Promise<void> {
  for (const end = Date.now() + limitMs; !holds(); await new Promise((resolve) => setTimeout(resolve, 5))) {
    if (Date.now() > end) throw new Error(`not so within ${limitMs} ms: ${what}`)
  }
}

export interface Joined {
  readonly receiver: RecordingReceiver
  readonly enrolment: Enrolment
  readonly token: string
}

export interface Streams {
  readonly server: StreamServer
  readonly path: string
  readonly events: Emitted[]
  /** Enrols a service that runs as this pid. */
  join(service: string, pid?: number): Joined
  /** Connects, sends, and leaves the connection open until the test ends. */
  client(text: string | Buffer): Socket
}

export async function openStreams(t: Test, options: Partial<StreamServerOptions> = {}): Promise<Streams> {
  const path = join(makeFolder(t), 'beat.sock')
  const events: Emitted[] = []
  const server = await openStreamServer({ path, clock: systemClock, emit: (event) => events.push(event), ...options })
  const clients: Socket[] = []
  t.teardown(async () => {
    for (const client of clients) client.destroy()
    await server.close()
  })
  return {
    server,
    path: server.path,
    events,
    join: (service, pid = 4242) => {
      const receiver = new RecordingReceiver(service)
      const enrolment = server.enrol(receiver)
      const token = enrolment.freshToken()
      enrolment.started(pid)
      return { receiver, enrolment, token }
    },
    client: (text) => {
      const socket = connect(path)
      socket.on('error', () => {})
      socket.resume()
      socket.write(text)
      clients.push(socket)
      return socket
    },
  }
}
