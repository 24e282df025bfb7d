import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServiceSettings } from '../service-settings.js'
import type { StateDirectory } from '../state-directory.js'
import { longer, type Milliseconds, milliseconds, seconds, shorter, zero } from '../time.js'
import { checkPolicy, type ServicePolicy } from '../watch/policy.js'
import type { ServiceSpec } from '../watch/service-spec.js'
import { type DrillOrder, drillSteps, type HangManner } from './drill-report.js'

/** One drill, as it is to be. */
export interface DrillPlan {
  readonly service: string
  readonly canary: string
  readonly how: HangManner
  readonly policy: ServicePolicy
  /** Where the canary writes each of its beats down. */
  readonly record: string
  readonly settings: ServiceSettings
}

const suffix = '.drill'
/** Of a name; see instancePattern. */
const longestName = 64

/** Beats before the hang: enough to see that the countdown is reset by them. */
const beatsBeforeHang = 5
/** Beats within one limit, as the preload has them. */
const beatsPerLimit = 12
const shortestInterval = milliseconds(5)
/** Shorter than that of the preload, so that a drill of a service with a long limit begins soon. */
const longestInterval = milliseconds(200)

/** For what happens on a loaded machine between two steps, beyond the limits that the policy gives. */
export const slack = seconds(5)

/** An orderly end of a canary takes a few milliseconds; one that hangs need not be given more. */
const canaryStopTimeout = seconds(1)

/** Longer than any drill lasts, so that a second hang of the canary would be one too many. */
const restartPeriod = seconds(86_400)

/** The name under which the canary of a service is watched. */
export function canaryName(service: string): string {
  return `${service.slice(0, longestName - suffix.length)}${suffix}`
}

/** The part of a service that a drill takes over. */
export type DrilledService = { readonly spec: Pick<ServiceSpec, 'name' | 'ownGroup'>; readonly policy: ServicePolicy }

/** @throws HangdogError `config` when the limit asked for is too short */
export function planDrill(
  { spec, policy: own }: DrilledService,
  order: DrillOrder,
  state: Pick<StateDirectory, 'output'>,
): DrillPlan {
  const canary = canaryName(spec.name)
  const how = order.how ?? 'blocked'
  const policy = canaryPolicy(own, order.timeout)
  checkPolicy(policy, canary)
  // Two hangdogs with the same state directory may both watch a service of this name.
  const record = join(state.output, `${canary}.${process.pid}.beats`)
  const interval = shorter(
    longestInterval,
    longer(shortestInterval, milliseconds(Math.round(policy.heartbeatTimeout / beatsPerLimit))),
  )
  const lifetime = Math.ceil(longestDrill(policy) + slack)
  return {
    service: spec.name,
    canary,
    how,
    policy,
    record,
    settings: {
      name: canary,
      command: process.execPath,
      args: [canaryProgram, how, record, beatsBeforeHang, interval, lifetime, policy.terminateSignal].map(String),
      // What is meant for other programs must not change this one.
      environment: { NODE_OPTIONS: '' },
      heartbeat: 'stream',
      output: 'file',
      ownGroup: spec.ownGroup,
      policy,
    },
  }
}

const canaryProgram = fileURLToPath(new URL('./canary.js', import.meta.url))

/** The policy of the service, but for what would reach further than the canary: it is ended, whatever is done about the service. */
function canaryPolicy(own: ServicePolicy, timeout: Milliseconds | undefined): ServicePolicy {
  return {
    ...own,
    heartbeatTimeout: timeout ?? own.heartbeatTimeout,
    action: 'terminate',
    shadow: false,
    escalation: 'none',
    // Its memory is worth nothing.
    coreDump: 'none',
    stopTimeout: shorter(own.stopTimeout, canaryStopTimeout),
    restart: { ...own.restart, mode: 'on-failure', limit: 1, period: restartPeriod },
  }
}

/** No drill lasts longer, whatever fails. */
export function longestDrill(policy: ServicePolicy): Milliseconds {
  const { heartbeatTimeout, startTimeout, evidenceTimeout, incidentTimeout, terminateTimeout, killTimeout } = policy
  // Until it hangs, until it is found, two more for what the core excuses, and until its successor has beaten.
  const limits = 5 * heartbeatTimeout
  const ladder = evidenceTimeout + 3 * incidentTimeout + terminateTimeout + 2 * killTimeout
  return milliseconds(2 * startTimeout + limits + ladder + drillSteps.length * slack)
}

/** How long the canary may take to its hang, from its first sign of life. */
export function timeToHang(policy: ServicePolicy): Milliseconds {
  return milliseconds(policy.heartbeatTimeout + beatsBeforeHang * longestInterval + slack)
}

/** From the last beat to the warning; zero when there is none. */
export function timeToWarning({ warningPercent, heartbeatTimeout }: ServicePolicy): Milliseconds {
  return warningPercent === 0 ? zero : milliseconds((heartbeatTimeout * warningPercent) / 100 + slack)
}
