import { HangdogError } from '../errors.js'

/** What `--heartbeat` asks for. */
export type HeartbeatSpec =
  | { readonly kind: 'auto' }
  | { readonly kind: 'notify' }
  | { readonly kind: 'page' }
  | { readonly kind: 'stream' }
  | { readonly kind: 'node' }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'file'; readonly path: string }

const forms = 'auto, notify, page, stream, node, http://…, https://…, tcp://HOST:PORT, exec:COMMAND or file:PATH'

/** Reads the value of `--heartbeat`. @throws HangdogError `usage` with what was expected and what was given */
export function parseHeartbeat(text: string): HeartbeatSpec {
  switch (text) {
    case 'auto':
    case 'notify':
    case 'page':
    case 'stream':
    case 'node':
      return { kind: text }
    default:
      return parseProbe(text)
  }
}

function parseProbe(text: string): HeartbeatSpec {
  const colon = text.indexOf(':')
  const scheme = colon < 0 ? text : text.slice(0, colon).toLowerCase()
  const rest = colon < 0 ? '' : text.slice(colon + 1)
  switch (scheme) {
    case 'http':
    case 'https':
      return parseUrl(text)
    case 'tcp':
      return parseTcp(text, rest)
    case 'exec':
      if (rest.trim() === '') throw refusal(text, 'a command after "exec:", such as "exec:redis-cli ping"')
      return { kind: 'exec', command: rest }
    case 'file':
      if (rest === '') throw refusal(text, 'a path after "file:", such as "file:/run/app.beat"')
      return { kind: 'file', path: rest }
    default:
      throw refusal(text, forms)
  }
}

function parseUrl(text: string): HeartbeatSpec {
  const url = URL.canParse(text) && /^https?:\/\//i.test(text) ? new URL(text) : undefined
  if (url === undefined) throw refusal(text, 'a URL such as "http://127.0.0.1:8080/health"')
  return { kind: 'http', url: url.href }
}

function parseTcp(text: string, rest: string): HeartbeatSpec {
  const match = /^\/\/(?:\[([0-9a-fA-F:.%\w]+)\]|([^:/[\]\s]+)):(\d{1,5})\/?$/.exec(rest)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65_535) {
    throw refusal(text, 'tcp://HOST:PORT with a port from 1 to 65535')
  }
  return { kind: 'tcp', host, port }
}

function refusal(text: string, expected: string): HangdogError {
  return new HangdogError('usage', `cannot read --heartbeat "${text}": expected ${expected}`)
}
