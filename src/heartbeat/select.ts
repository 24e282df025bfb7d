import { HangdogError, unreachable } from '../errors.js'
import type { Emit } from '../event/event.js'
import type { Clock, Milliseconds } from '../time.js'
import type { BeatReceiver } from '../watch/sign-of-life.js'
import { isNodeProgram, type Program } from './node-program.js'
import { NodeSource } from './node-source.js'
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
  readonly spec: Exclude<HeartbeatSpec, { readonly kind: 'auto' | 'notify' }>
  /** For people. */
  readonly description: string
  /** Silence before the first contact means something. Not so when the stream is only offered. */
  readonly committed: boolean
}

/**
 * Decides what `auto` means for this program: the preload for Node, the offer of the stream for all others.
 * @throws HangdogError `unavailable` for `notify`
 */
export function chooseHeartbeat(spec: HeartbeatSpec, program: Program): HeartbeatChoice {
  switch (spec.kind) {
    case 'notify':
      throw new HangdogError(
        'unavailable',
        'cannot use --heartbeat "notify": receiving sd_notify messages needs the native part, which is not installed; use stream, node or a probe',
      )
    case 'auto':
      return isNodeProgram(program)
        ? { spec: { kind: 'node' }, description: 'node', committed: true }
        : { spec: { kind: 'stream' }, description: 'stream (offered)', committed: false }
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

export interface SourceSurroundings {
  readonly receiver: BeatReceiver
  readonly streams: StreamServer
  readonly clock: Clock
  readonly emit: Emit
  /** The service's heartbeat limit as it is now. */
  readonly limit: () => Milliseconds
  /** What the service would have as NODE_OPTIONS without us. */
  readonly nodeOptions?: string
  /** Of a probe; what is left out follows from the limit. */
  readonly probe?: { readonly interval?: Milliseconds; readonly timeout?: Milliseconds }
}

/** Makes the source. */
export function selectSource({ spec }: HeartbeatChoice, surroundings: SourceSurroundings): HeartbeatSource {
  const { streams, receiver, limit, nodeOptions, clock } = surroundings
  switch (spec.kind) {
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
