import type { PropertyValue } from './value.js'

/** Values by property name, spelt as in the definition. */
export type PropertyValues = ReadonlyMap<string, PropertyValue>

/** All that is stored at one moment; what is not in it has its default. */
export interface PropertySnapshot {
  /** Counts the changes; 0 before the first. Grows by one with each change set. */
  readonly generation: number
  /** Of the whole cluster. */
  readonly common: PropertyValues
  /** Of one service, by its name. */
  readonly services: ReadonlyMap<string, PropertyValues>
  /** The latest change sets, oldest first, at most `rememberedChanges`: so that a reader that was away can tell who did what. */
  readonly recent: readonly RecordedChangeSet[]
}

export const rememberedChanges = 64

/** One thing to do; without a value the property goes back to its default. */
export interface PropertyChange {
  /** Undefined for a common property. */
  readonly service?: string
  readonly name: string
  readonly value: PropertyValue | undefined
}

/** Who changes something. */
export interface Author {
  /** Of the user; undefined where there are no such numbers. */
  readonly uid: number | undefined
  readonly pid: number
}

/** A change set as it was applied. */
export interface RecordedChangeSet {
  /** The generation that it made. */
  readonly generation: number
  readonly author: Author
  /** Wall time, ISO 8601 in UTC. */
  readonly at: string
  /** Only what made a difference: what was set to the value it had is left out. */
  readonly changes: readonly RecordedChange[]
}

export interface RecordedChange {
  readonly service?: string
  readonly name: string
  /** Undefined: it had its default. */
  readonly from: PropertyValue | undefined
  /** Undefined: it has its default again. */
  readonly to: PropertyValue | undefined
}

/** What was wrong with a store that could still be used; told to whoever opened it. */
export interface StoreTrouble {
  /** One sentence: what was found, and what is used instead. */
  readonly text: string
}

/**
 * Where properties are kept. Every implementation passes test/contract/property-store.ts.
 *
 * A store knows nothing of definitions: it keeps what it is given. Bounds are checked before.
 */
export interface PropertyStore {
  /** For people: what it is and where. */
  readonly description: string
  /**
   * The newest whole state. A store that was never written to is empty, generation 0.
   * @throws HangdogError `data` when nothing usable is left, or when a newer version of hangdog wrote it; `permission` when it may not be read
   */
  read(): Promise<PropertySnapshot>
  /**
   * Applies all changes or none. When it resolves, they survive a loss of power. A change set that makes no difference writes nothing
   * and gives the state as it is.
   * @throws HangdogError `unavailable` naming the holder when another writer does not finish in time, `create` when it cannot be
   * written (a full disk), `permission`; the stored state is then unchanged
   */
  change(changes: readonly PropertyChange[], author: Author): Promise<PropertySnapshot>
  /**
   * Calls back, soon, after the stored state may have changed, whoever changed it; may call back without a change.
   * The listener must not throw. @returns ends the watching; may be called twice
   */
  watch(changed: () => void): () => void
}
