import type { PropertyValue, SettableFormat } from './value.js'

/** Where a property can be set: for the whole cluster (common), for one service (private), or in both places; the private one wins. */
export type PropertyScope = 'common' | 'private' | 'both'

/** What is known of a property in advance. MSCS: a property that a service or the cluster software defines. */
export interface PropertyDefinition {
  readonly name: string
  readonly scope: PropertyScope
  readonly format: SettableFormat
  /** Of a DWORD; both included. */
  readonly minimum?: number
  readonly maximum?: number
  readonly default: PropertyValue
  /** `s`, `ms`, `%`, `beats`, `min`, `MB`, `count`; empty for none. */
  readonly unit: string
  /** One sentence. */
  readonly meaning: string
  /** Words that stand for numbers, such as ClussvcHangActionDisable for 0; accepted on input in any case, shown beside the number. */
  readonly words?: Readonly<Record<string, number>>
  /** `root`: to be set by root alone. `read-only`: cannot be set. Default: whoever may write the store. */
  readonly access?: 'root' | 'read-only'
  /** Further checks of a text, such as that of a schedule. @returns what was expected, when it is wrong */
  readonly refuse?: (value: PropertyValue) => string | undefined
  /** What part of hangdog heeds it; `cluster` for what the cluster part will use. */
  readonly usedBy: 'watch' | 'machine' | 'schedule' | 'cluster'
  /** Where name, bounds and default come from: an MSCS page by its key in the fact sheet, or `hangdog`. */
  readonly source: string
}
