import type { HoldReason } from '../watch/policy.js'
import type { Hang } from '../watch/verdict.js'
import type { Need } from './need.js'

export const faultLanguages = ['node', 'python', 'java', 'go', 'c'] as const
export type FaultLanguage = (typeof faultLanguages)[number]

/** How a fault shows when hangdog does what it should. */
export interface Expectation {
  /** Any of these kinds of hang is right: the moment of the look decides between some. */
  readonly hang: readonly Hang['kind'][]
  /** A hold for this reason must come before the verdict. */
  readonly held?: HoldReason
  /** What the sentence of the cause must say. */
  readonly cause: RegExp
}

/** What the service runs; a file is one of `src/fault/programs`. */
export type FaultProgram =
  | { readonly kind: 'node'; readonly file: string }
  /** Its standard output is a pipe that somebody has open and does not read. */
  | { readonly kind: 'node-unread'; readonly file: string }
  | { readonly kind: 'python'; readonly file: string }
  | { readonly kind: 'java'; readonly main: string; readonly options: readonly string[] }
  | { readonly kind: 'go'; readonly file: string }
  | { readonly kind: 'c'; readonly file: string }

/** One way to hang, as a real service that does so on order. */
export interface Fault {
  readonly kind: string
  /** One phrase for people. */
  readonly summary: string
  readonly language: FaultLanguage
  /** What a machine must have to run it. */
  readonly needs: readonly Need[]
  /**
   * Where its beats come from: `node` is the preload, so from the loop; `stream` are the service's own, one for each unit of work;
   * `tcp` are connections that hangdog makes to it.
   */
  readonly heartbeat: 'node' | 'stream' | 'tcp'
  readonly expected: Expectation
  readonly program: FaultProgram
}
