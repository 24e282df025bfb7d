import type { PropertyOrigin } from './property/resolution.js'
import type { Explanation } from './watch/explain.js'

/** What a service goes by, as it is told to other programs. Field names are stable. */
export interface EffectiveProperty {
  readonly service: string
  readonly name: string
  /** As `prop set` takes it. */
  readonly value: string
  readonly format: string
  readonly origin: PropertyOrigin
  /** Where it comes from, for people. */
  readonly by: string
}

/** A property that a service does not follow. Field names are stable. */
export interface OverriddenProperty {
  readonly service: string
  readonly name: string
  /** What wins, for people. */
  readonly by: string
}

/** What came of a change of the stored properties. */
export interface AppliedProperties {
  /** Of the state that is in force now. */
  readonly generation: number
  /** Stored, but set otherwise by a command line or a file. */
  readonly overridden: readonly OverriddenProperty[]
  /** Why what is stored could not be read; null when it could. It is tried again until it can. */
  readonly problem: string | null
}

/** An explanation with the properties that are not at their defaults: what is done follows from them. */
export interface ExplanationWithProperties extends Explanation {
  readonly properties: readonly EffectiveProperty[]
}
