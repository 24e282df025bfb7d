import type { ClientRequest, IncomingMessage } from 'node:http'
import { describeError } from '../errors.js'
import { type Milliseconds, timerDelay } from '../time.js'
import { failure, type Probe, type ProbeOutcome, success } from './probe.js'

/**
 * Asks a URL; a status from 200 to 399 is success, and a redirect is not followed. Certificates are not checked, as kubelet's probes
 * do not: the question is whether the service answers, often by a loopback address that no certificate names.
 */
export class HttpProbe implements Probe {
  readonly description: string
  readonly #url: URL

  constructor(url: string) {
    this.#url = new URL(url)
    this.description = withoutSecrets(this.#url)
  }

  async look(timeout: Milliseconds): Promise<ProbeOutcome> {
    const request = await this.#request()
    return new Promise((resolve) => {
      // One limit for name lookup, connection, handshake, headers, and the body that nobody reads.
      const limit = setTimeout(() => {
        resolve(failure(`no answer within ${Math.round(timeout)} ms`))
        request.destroy()
      }, timerDelay(timeout))
      request.on('response', (response) => {
        resolve(judge(response))
        response.resume()
      })
      request.on('error', (error) => resolve(failure(describeError(error))))
      request.on('close', () => {
        clearTimeout(limit)
        resolve(failure('the connection was closed without an answer'))
      })
      request.end()
    })
  }

  /** Loaded when the first probe needs it: a hangdog that probes nothing starts faster. */
  async #request(): Promise<ClientRequest> {
    const headers = { 'user-agent': 'hangdog' }
    if (this.#url.protocol === 'https:') {
      const { Agent, request } = await import('node:https')
      return request(this.#url, { agent: new Agent({ keepAlive: false }), headers, rejectUnauthorized: false })
    }
    const { Agent, request } = await import('node:http')
    return request(this.#url, { agent: new Agent({ keepAlive: false }), headers })
  }
}

function judge({ statusCode = 0 }: IncomingMessage): ProbeOutcome {
  return statusCode >= 200 && statusCode <= 399 ? success : failure(`status ${statusCode}`)
}

/** A URL for people to read: without the password it may hold. */
function withoutSecrets(url: URL): string {
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  return shown.href
}
