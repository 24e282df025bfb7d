import { HangdogError, unreachable } from '../errors.js'
import type { Emit } from '../event/event.js'
import type { Clock, Milliseconds } from '../time.js'
import type { BeatReceiver } from '../watch/sign-of-life.js'
import { isNodeProgram, type Program } from './node-program.js'
import { NodeSource } from './node-source.js'
import type { NotifyServer } from './notify-server.js'
import { NotifySource, type NotifySurroundings } from './notify-source.js'
import { OfferedSource } from './offered-source.js'
import type { PageServer } from './page-server.js'
import { PageSource, type PageSurroundings } from './page-source.js'
import type { HeartbeatSpec } from './parse.js'
import { defaultTiming, type Probe, ProbeSource } from './probe.js'
import { ExecProbe } from './probe-exec.js'
import { FileProbe } from './probe-file.js'
import { HttpProbe } from './probe-http.js'
import { TcpProbe } from './probe-tcp.js'
import type { HeartbeatSource, ProbeTiming } from './source.js'
import type { StreamServer } from './stream-server.js'
import { StreamSource } from './stream-source.js'

/** How one service will beat; decided before it is started. */
export interface HeartbeatChoice {
  readonly spec: Exclude<HeartbeatSpec, { readonly kind: 'auto' }> | { readonly kind: 'offer' }
  /** For people. */
  readonly description: string
  /** Silence before the first contact means something. Not so when the sockets are only offered. */
  readonly committed: boolean
}

/**
 * Decides what `auto` means for this program: the preload for Node, the offer of the stream and the notify socket for all others.
 * @param notifyLacks why there is no notify socket; undefined when there is one
 * @throws HangdogError `unavailable` for `notify` and `page` without the native part
 */
export function chooseHeartbeat(
  spec: HeartbeatSpec,
  program: Program,
  notifyLacks: string | undefined,
): HeartbeatChoice {
  switch (spec.kind) {
    case 'auto':
      if (isNodeProgram(program)) return { spec: { kind: 'node' }, description: 'node', committed: true }
      return notifyLacks === undefined
        ? { spec: { kind: 'offer' }, description: 'notify or stream (offered)', committed: false }
        : { spec: { kind: 'stream' }, description: 'stream (offered)', committed: false }
    case 'notify':
    case 'page':
      if (notifyLacks === undefined) return { spec, description: spec.kind, committed: true }
      throw new HangdogError(
        'unavailable',
        `cannot use --heartbeat "${spec.kind}": ${needs[spec.kind]} the native part, and ${notifyLacks}; use stream, node or a probe, or see hangdog doctor`,
      )
    case 'stream':
    case 'node':
      return { spec, description: spec.kind, committed: true }
    case 'http':
      return { spec, description: new HttpProbe(spec.url).description, committed: true }
    case 'tcp':
      return { spec, description: new TcpProbe(spec.host, spec.port).description, committed: true }
    case 'exec':
      return { spec, description: `exec:${spec.command}`, committed: true }
    case 'file':
      return { spec, description: `file:${spec.path}`, committed: true }
    default:
      return unreachable(spec)
  }
}

const needs = {
  notify: 'receiving sd_notify messages needs',
  page: 'heartbeats through shared memory need',
} as const

export interface SourceSurroundings {
  readonly receiver: BeatReceiver
  readonly streams: StreamServer
  /** Obtains what `notify`, `page` and an offer need. Called only for these. */
  readonly notify: () => NotifyPlace
  /** Obtains what `page` needs beside that. Called only for it. */
  readonly page: () => PagePlace
  readonly clock: Clock
  readonly emit: Emit
  /** The service's heartbeat limit as it is now. */
  readonly limit: () => Milliseconds
  /** What the service would have as NODE_OPTIONS without us. */
  readonly nodeOptions?: string
  /** Of a probe; what is left out follows from the limit. */
  readonly probe?: { readonly interval?: Milliseconds; readonly timeout?: Milliseconds }
}

/** Where notify datagrams come in, and what names the service's main countdown there, if it is kept there. */
export interface NotifyPlace extends Pick<NotifySurroundings, 'countdown' | 'admits'> {
  readonly server: NotifyServer
}

/** Where pages are kept, and what names a channel's countdown there. */
export interface PagePlace extends Pick<PageSurroundings, 'countdownOf'> {
  readonly server: PageServer
}

/** Makes the source. */
export function selectSource({ spec }: HeartbeatChoice, surroundings: SourceSurroundings): HeartbeatSource {
  const { streams, receiver, limit, nodeOptions, clock } = surroundings
  switch (spec.kind) {
    case 'offer':
      return new OfferedSource([
        new StreamSource(streams, receiver, limit),
        notifySource({ ...surroundings.notify(), offered: true }, surroundings),
      ])
    case 'notify':
      return notifySource(surroundings.notify(), surroundings)
    case 'page':
      return pageSource(surroundings)
    case 'stream':
      return new StreamSource(streams, receiver, limit)
    case 'node':
      return new NodeSource(streams, receiver, limit, nodeOptions)
    case 'http':
      return probeSource(new HttpProbe(spec.url), surroundings)
    case 'tcp':
      return probeSource(new TcpProbe(spec.host, spec.port), surroundings)
    case 'exec':
      return probeSource(new ExecProbe(spec.command), surroundings)
    case 'file':
      return probeSource(new FileProbe(spec.path, clock), surroundings)
    default:
      return unreachable(spec)
  }
}

/** Shared memory has room for beats alone; the rest comes as from any service: by sd_notify, or by the library over the stream. */
function pageSource(surroundings: SourceSurroundings): HeartbeatSource {
  const { server, countdownOf } = surroundings.page()
  const { streams, clock, emit, limit } = surroundings
  const admitsAll = surroundings.notify().admits !== undefined
  const beside: PageSurroundings['beside'] = (receiver, lineNamed) =>
    new OfferedSource([
      new StreamSource(streams, receiver, limit),
      notifySource({ ...surroundings.notify(), lineNamed }, { ...surroundings, receiver }),
    ])
  return new PageSource(server, surroundings.receiver, { countdownOf, beside, admitsAll, clock, emit })
}

function notifySource(
  { server, ...place }: NotifyPlace & Pick<NotifySurroundings, 'offered' | 'lineNamed'>,
  { receiver, clock, emit, limit }: SourceSurroundings,
): HeartbeatSource {
  return new NotifySource(server, receiver, { clock, emit, limit, ...place })
}

function probeSource(
  probe: Probe,
  { receiver, clock, emit, limit, probe: given }: SourceSurroundings,
): HeartbeatSource {
  const timing = (): ProbeTiming => {
    const derived = defaultTiming(limit())
    const interval = given?.interval ?? derived.interval
    return { interval, timeout: given?.timeout ?? derived.timeout }
  }
  return new ProbeSource(probe, { receiver, clock, emit, timing })
}
