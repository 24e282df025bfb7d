import { constants } from 'node:os'
import type { Milliseconds } from '../time.js'
import { actionNumber, type RecoveryAction } from '../watch/policy.js'
import type { AddonMachine, AddonPlan } from './addon.js'

/** What the guard does alone about the silence of one process, when nobody claims the expiry of its countdown. */
export interface GuardPlan {
  readonly action: Exclude<RecoveryAction, 'disable'>
  /** A termination that cannot be proven is followed by a bugcheck, if that is permitted. */
  readonly escalates: boolean
  /** Of the guard. */
  readonly process: number
  readonly signal: NodeJS.Signals
  /** How long we have to claim an expiry. */
  readonly budget: Milliseconds
  /** Between the signal and SIGKILL; zero sends SIGKILL at once. */
  readonly grace: Milliseconds
  /** Between SIGKILL and the conclusion that the process cannot be terminated; more than zero. */
  readonly killLimit: Milliseconds
  /** How long the action waits for its record to be on the disk. */
  readonly recordLimit: Milliseconds
  /** How long each may hold the action back in one silence. */
  readonly holds: Readonly<Record<GuardHold, Milliseconds>>
  /** Directory of a control group (v2) that holds the service and nothing else. */
  readonly group?: string
  /** A file that says whether the process is frozen. */
  readonly freezer?: string
  /** Of the service. */
  readonly name: string
  /** Put into the record beside what the guard knows; cut to what finds room. */
  readonly about: Readonly<Record<string, string>>
}

/** Why a silence is not acted on for now, as the guard can see it. */
export type GuardHold = (typeof guardHolds)[number]
const guardHolds = ['stopped', 'traced', 'frozen', 'starved'] as const

/** The kernel files by which the guard stops the machine. */
export interface GuardMachine {
  readonly sysrq: string
  readonly crashLoaded: string
  readonly kernelLog: string
  readonly watchdog: string
  readonly pressure: string
  readonly reboot: boolean
}

const flag = { group: 1, escalates: 2 } as const
/** GUARD_ABOUT_MAX. */
const aboutBytes = 191

export function planToAddon(plan: GuardPlan | undefined): AddonPlan {
  if (plan === undefined) return { action: 0 }
  const { action, escalates, signal, holds, about, ...others } = plan
  return {
    ...others,
    ...holds,
    action: actionNumber(action),
    // A service is started as the leader of a group of its own.
    flags: flag.group | (escalates ? flag.escalates : 0),
    signal: constants.signals[signal],
    about: describe(about),
  }
}

/** The holds have the numbers of enum guard_hold, from 1 on. */
export function holdOf(hold: number | undefined): GuardHold {
  return guardHolds[(hold ?? 0) - 1] ?? 'stopped'
}

export function machineToAddon({ reboot, ...paths }: GuardMachine): AddonMachine {
  return { ...paths, reboot: reboot ? 1 : 0 }
}

/** One line to a fact; what finds no room is cut, or left out. */
function describe(about: GuardPlan['about']): string {
  let text = ''
  for (const [key, value] of Object.entries(about)) {
    const room = aboutBytes - Buffer.byteLength(text) - key.length - 2
    if (room > 0) text += `${key}=${cut(value.replaceAll(/[\r\n\0]+/g, ' '), room)}\n`
  }
  return text
}

function cut(value: string, bytes: number): string {
  let text = value.slice(0, bytes)
  while (Buffer.byteLength(text) > bytes) text = text.slice(0, -1)
  return text
}
