import { formatDuration, milliseconds } from '../time.js'
import type { BeatGapsRecord } from '../watch/gap-book.js'
import { type ChannelFigures, figuresOf } from './figures.js'
import { commandFor, needsOf, roundUp } from './proposal.js'

export type Finding =
  /** Too little was seen to say what the limit should be. */
  | 'too-little'
  /** By the rule the limit should be longer. */
  | 'too-tight'
  | 'fits'
  /** A hang could be found much sooner. */
  | 'too-long'

/** What is to be said about one limit. Field names are stable; spans in ms. */
export interface Advice {
  readonly service: string
  readonly limitMs: number
  /** The service itself set this limit for its channel; no property changes it. */
  readonly ownLimit: boolean
  readonly finding: Finding
  /** The finding in words. */
  readonly sentence: string
  /** Absent (null) when too little was seen. */
  readonly proposal: Proposal | null
  /** Those that the limit is for. */
  readonly channels: readonly ChannelFigures[]
}

export interface Proposal {
  readonly limitMs: number
  /** The decisive one first. */
  readonly reasons: readonly string[]
  /** Applies it; null when the service itself has to, or nothing needs to change. */
  readonly command: string | null
}

/** Less would say nothing about the longest gap in a thousand, or about anything that happens every few minutes. */
const leastGaps = 1000
const leastObservedMs = 600_000

/** A limit is needlessly long from this many times the proposal on. */
const longShare = 4

/** Advises on each limit that the records of one service are about: the one of the service, then those that it set for channels itself. */
export function adviseOn(records: readonly BeatGapsRecord[]): readonly Advice[] {
  const followers = records.filter(({ ownLimit }) => !ownLimit)
  const others = records.filter(({ ownLimit }) => ownLimit)
  return [...(followers.length > 0 ? [followers] : []), ...others.map((record) => [record])].flatMap(adviseOnLimit)
}

function adviseOnLimit(records: readonly BeatGapsRecord[]): readonly Advice[] {
  const [first] = records
  if (first === undefined) return []
  const { service, limitMs, ownLimit } = first
  const channels = records.map(figuresOf)
  const about = { service, limitMs, ownLimit }
  const lack = describeLack(channels)
  if (lack !== undefined) {
    const sentence = [lack, ...describeStrain(channels, limitMs)].join(' ')
    return [{ ...about, finding: 'too-little', sentence, proposal: null, channels }]
  }
  // All of the rules for all of the channels: each has to be kept, and the greatest decides.
  const needs = channels.flatMap(needsOf).sort((a, b) => b.ms - a.ms)
  const needMs = needs[0]?.ms ?? 0
  const proposed = roundUp(needMs)
  const finding = needMs > limitMs ? 'too-tight' : limitMs >= longShare * proposed ? 'too-long' : 'fits'
  const proposal = {
    limitMs: proposed,
    reasons: needs.slice(0, rules).map(({ why }) => why),
    command: finding === 'fits' || ownLimit ? null : commandFor(service, proposed, limitMs),
  }
  return [{ ...about, finding, sentence: describeFinding(finding, limitMs, proposed, channels), proposal, channels }]
}

/** As many reasons as one channel has. */
const rules = 3

/** Enough of one channel is enough: the others, such as those of short-lived children, still count with what they have. */
function describeLack(channels: readonly ChannelFigures[]): string | undefined {
  const enough = channels.some(({ gaps }) => gaps.count >= leastGaps && gaps.observedMs >= leastObservedMs)
  if (enough) return undefined
  const count = Math.max(...channels.map(({ gaps }) => gaps.count))
  const observed = Math.max(...channels.map(({ gaps }) => gaps.observedMs))
  return `Too little was seen to propose a limit: ${count} gaps in ${show(observed)}, of at least ${leastGaps} in ${show(leastObservedMs)}.`
}

function describeFinding(
  finding: 'too-tight' | 'fits' | 'too-long',
  limitMs: number,
  proposed: number,
  channels: readonly ChannelFigures[],
): string {
  switch (finding) {
    case 'too-tight': {
      const strain = describeStrain(channels, limitMs)
      return strain.length > 0 ? strain.join(' ') : `The limit of ${show(limitMs)} is too tight by the rule.`
    }
    case 'fits':
      return `The limit of ${show(limitMs)} fits.`
    case 'too-long':
      return `The limit of ${show(limitMs)} is longer than needed: with ${show(proposed)} a hang is found ${show(limitMs - proposed)} sooner.`
    default:
      return finding satisfies never
  }
}

/** What can be said with any number of gaps: one that came near the limit is a fact. */
function describeStrain(channels: readonly ChannelFigures[], limitMs: number): readonly string[] {
  const maxMs = Math.max(...channels.map(({ gaps }) => gaps.maxMs))
  if (maxMs >= limitMs)
    return [`The limit of ${show(limitMs)} is too tight: there was a silence of ${show(maxMs)} that ended by itself.`]
  if (maxMs > limitMs / 2)
    return [`The limit of ${show(limitMs)} is too tight: the longest gap was ${show(maxMs)}, more than half of it.`]
  return []
}

function show(ms: number): string {
  return formatDuration(milliseconds(ms))
}
