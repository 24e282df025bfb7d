import { request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { HangdogError } from '../errors.js'
import type { EventName } from '../event/catalogue.js'
import type { EventSink, RecordedEvent } from '../event/event.js'

/** Remembers the events of the show and lets a step wait for one. */
export class EventWatch implements EventSink {
  readonly seen: RecordedEvent[] = []
  #waiting: (() => void)[] = []

  record(event: RecordedEvent): void {
    this.seen.push(event)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  flush(): Promise<void> {
    return Promise.resolve()
  }

  /** The first event of that name from position `from` on. @throws HangdogError `internal` when it does not come in time */
  async next(name: EventName, from: number, withinMs: number): Promise<RecordedEvent> {
    const end = performance.now() + withinMs
    for (;;) {
      const found = this.seen.slice(from).find((event) => event.name === name)
      if (found !== undefined) return found
      if (performance.now() > end)
        throw new HangdogError('internal', `the event "${name}" did not come within ${withinMs} ms`)
      await Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), sleep(200)])
    }
  }
}

/** The answer of the service, or undefined when there is none within the limit. */
export function askService(port: number, path: string, limitMs: number): Promise<unknown> {
  return new Promise((resolve) => {
    const asking = request({ host: '127.0.0.1', port, path, timeout: limitMs, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve(parse(body)))
    })
    asking.on('timeout', () => asking.destroy())
    asking.on('error', () => resolve(undefined))
    asking.end()
  })
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** True when the port still takes connections. */
export function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.setTimeout(1000)
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
    socket.on('timeout', () => end(false))
  })
}

/** Asks until the service answers. @returns the pid that answered */
export async function untilAnswered(port: number, limitMs: number): Promise<number> {
  const end = performance.now() + limitMs
  for (;;) {
    const answer = await askService(port, '/', 500)
    if (typeof answer === 'object' && answer !== null && 'pid' in answer && typeof answer.pid === 'number')
      return answer.pid
    if (performance.now() > end) throw new HangdogError('internal', `the service did not answer within ${limitMs} ms`)
    await sleep(50)
  }
}
