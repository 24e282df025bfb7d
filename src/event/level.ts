import type { EventLevel } from './catalogue.js'

/** From the least serious on. */
export const levels: readonly EventLevel[] = ['information', 'warning', 'error', 'critical']

/** The weight of a level: the more serious, the higher. */
export function rank(level: EventLevel): number {
  return levels.indexOf(level)
}
