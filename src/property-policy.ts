import type { PropertyValue } from './property/value.js'
import type { PolicySettings } from './service-settings.js'
import { parseSignal } from './signal-name.js'
import { milliseconds, seconds } from './time.js'
import { actionNumber, coreDumps, type HoldReason, recoveryActions } from './watch/policy.js'

/** How one property and one point of a policy stand for each other. */
interface PolicyRule {
  readonly name: string
  /** What a complete set of properties says about the point. */
  readonly toPolicy: (value: PropertyValue) => PolicySettings
  /** The value of the property that a policy amounts to; undefined when it says nothing about the point. */
  readonly fromPolicy: (settings: PolicySettings) => PropertyValue | undefined
}

/** A later one says more than an earlier one about the same point. */
const rules: readonly PolicyRule[] = [
  {
    name: 'ClusSvcHeartbeatTimeout',
    toPolicy: (value) => ({ heartbeatTimeout: seconds(numberOf(value)) }),
    fromPolicy: ({ heartbeatTimeout: limit }) =>
      limit === undefined || !isWholeSeconds(limit) ? undefined : dword(limit / 1000),
  },
  {
    name: 'HeartbeatTimeoutMilliseconds',
    // Zero: ClusSvcHeartbeatTimeout counts.
    toPolicy: (value) => (numberOf(value) === 0 ? {} : { heartbeatTimeout: milliseconds(numberOf(value)) }),
    fromPolicy: ({ heartbeatTimeout: limit }) =>
      limit === undefined ? undefined : dword(isWholeSeconds(limit) ? 0 : Math.round(limit)),
  },
  {
    name: 'HangRecoveryAction',
    toPolicy: (value) => ({ action: recoveryActions[numberOf(value)] ?? 'terminate' }),
    fromPolicy: ({ action }) => (action === undefined ? undefined : dword(actionNumber(action))),
  },
  {
    name: 'HangEscalation',
    toPolicy: (value) => ({ escalation: numberOf(value) === 1 ? 'bugcheck' : 'none' }),
    fromPolicy: ({ escalation }) => (escalation === undefined ? undefined : dword(escalation === 'none' ? 0 : 1)),
  },
  {
    name: 'HangWarningPercent',
    toPolicy: (value) => ({ warningPercent: numberOf(value) }),
    fromPolicy: ({ warningPercent }) => (warningPercent === undefined ? undefined : dword(warningPercent)),
  },
  {
    name: 'ShadowMode',
    toPolicy: (value) => ({ shadow: numberOf(value) === 1 }),
    fromPolicy: ({ shadow }) => (shadow === undefined ? undefined : dword(shadow ? 1 : 0)),
  },
  {
    name: 'TerminateSignal',
    toPolicy: (value) => ({ terminateSignal: parseSignal(String(value.value), 'TerminateSignal') }),
    fromPolicy: ({ terminateSignal: value }) => (value === undefined ? undefined : { format: 'SZ', value }),
  },
  span('ServiceStartTimeout', 'startTimeout'),
  span('EvidenceTimeout', 'evidenceTimeout'),
  {
    name: 'CoreDump',
    toPolicy: (value) => ({ coreDump: coreDumps[numberOf(value)] ?? 'none' }),
    fromPolicy: ({ coreDump }) => (coreDump === undefined ? undefined : dword(coreDumps.indexOf(coreDump))),
  },
  span('CoreDumpTimeout', 'coreDumpTimeout'),
  {
    name: 'CoreDumpLimit',
    toPolicy: (value) => ({ coreDumpLimit: numberOf(value) }),
    fromPolicy: ({ coreDumpLimit }) => (coreDumpLimit === undefined ? undefined : dword(coreDumpLimit)),
  },
  span('TerminateTimeout', 'terminateTimeout'),
  span('KillTimeout', 'killTimeout'),
  span('StopTimeout', 'stopTimeout'),
  hold('HoldStoppedTimeout', 'stopped'),
  hold('HoldTracedTimeout', 'traced'),
  hold('HoldFrozenTimeout', 'frozen'),
  hold('HoldStarvedTimeout', 'starved'),
]

/** The policy that the values of properties amount to. @param look the value of a property, by name */
export function policyOf(look: (name: string) => PropertyValue): PolicySettings {
  let policy: PolicySettings = {}
  for (const { name, toPolicy } of rules) {
    const { holds, ...rest } = toPolicy(look(name))
    policy = { ...policy, ...rest, holds: { ...policy.holds, ...holds } }
  }
  return policy
}

/** The properties that a command line or a file sets by what it says about the policy, by name. */
export function propertiesOf(settings: PolicySettings): ReadonlyMap<string, PropertyValue> {
  return new Map(
    rules.flatMap(({ name, fromPolicy }) => {
      const value = fromPolicy(settings)
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}

type SpanKey =
  | 'startTimeout'
  | 'evidenceTimeout'
  | 'coreDumpTimeout'
  | 'terminateTimeout'
  | 'killTimeout'
  | 'stopTimeout'

function span(name: string, key: SpanKey): PolicyRule {
  return {
    name,
    toPolicy: (value) => ({ [key]: milliseconds(numberOf(value)) }),
    fromPolicy: ({ [key]: value }) => (value === undefined ? undefined : dword(Math.round(value))),
  }
}

function hold(name: string, reason: HoldReason): PolicyRule {
  return {
    name,
    toPolicy: (value) => ({ holds: { [reason]: milliseconds(numberOf(value)) } }),
    fromPolicy: ({ holds }) => {
      const limit = holds?.[reason]
      return limit === undefined ? undefined : dword(Math.round(limit))
    },
  }
}

function dword(value: number): PropertyValue {
  return { format: 'DWORD', value }
}

function numberOf({ value }: PropertyValue): number {
  return typeof value === 'number' ? value : 0
}

/** ClusSvcHeartbeatTimeout can say it: whole seconds, from its minimum on. */
function isWholeSeconds(limit: number): boolean {
  return limit >= 6000 && limit % 1000 === 0
}
