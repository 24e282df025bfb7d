import { type Milliseconds, milliseconds } from '../time.js'
import { BeatGaps, type GapCounts } from './beat-gaps.js'
import type { GapKeeper } from './channel.js'
import { channelLimit, mainChannel } from './sign-of-life.js'

/** How far the beats of one channel of a service were apart. Field names are stable. */
export interface BeatGapsRecord extends GapCounts {
  readonly service: string
  /** `pid-*` stands for all child processes that beat on channels of their own, `*` for the channels that came when there were too many. */
  readonly channel: string
  /** Wall time, ISO 8601 in UTC: nothing was counted before. */
  readonly since: string
  /** The limit that the channel has, or had when this was written. */
  readonly limitMs: number
  /** The service itself has set that limit; properties do not change it. */
  readonly ownLimit: boolean
  /** Silences that no beat ended: the limit passed, and then the run was ended. How long they would have been nobody knows. */
  readonly hangs: GapCounts
}

/** What a record says of a channel beside what was counted. */
export type ChannelFacts = Omit<BeatGapsRecord, keyof GapCounts | 'hangs' | 'channel'>

/** What was counted of one service, by channel; it outlives channels and runs. The gaps of the main channel are kept by that channel. */
export class GapBook implements GapKeeper {
  /** Since when, if it goes on from an earlier hangdog. */
  since: string | undefined
  readonly #gaps = new Map<string, BeatGaps>()
  readonly #hangs = new Map<string, BeatGaps>()
  readonly #ownLimits = new Map<string, Milliseconds>()

  gapsOf(channel: string): BeatGaps {
    return obtain(this.#gaps, channel)
  }

  hangsOf(channel: string): BeatGaps {
    return obtain(this.#hangs, channel)
  }

  /** A channel that is closed had a limit of its own. */
  channelClosed(channel: string, ownLimit: Milliseconds | undefined): void {
    const page = pageOf(channel, this.#gaps)
    if (ownLimit === undefined) this.#ownLimits.delete(page)
    else if (channel === mainChannel || this.#gaps.has(page)) this.#ownLimits.set(page, ownLimit)
  }

  /** Of a channel that is not open now. */
  ownLimitOf(channel: string): Milliseconds | undefined {
    return this.#ownLimits.get(channel)
  }

  /** Goes on counting where an earlier hangdog ended. */
  restore({ channel, since, hangs, limitMs, ownLimit, ...gaps }: BeatGapsRecord): void {
    if (this.since === undefined || since < this.since) this.since = since
    if (channel !== mainChannel && gaps.total > 0) this.gapsOf(channel).add(gaps)
    if (hangs.total > 0) this.hangsOf(channel).add(hangs)
    if (ownLimit) this.#ownLimits.set(channel, milliseconds(limitMs))
  }

  /** One for the main channel if it has gaps or no other has, and one for each other channel. */
  records(main: BeatGaps | undefined, describe: (channel: string) => ChannelFacts): readonly BeatGapsRecord[] {
    const channels = new Set([...this.#gaps.keys(), ...this.#hangs.keys()])
    if (main !== undefined || channels.size === 0) channels.add(mainChannel)
    return [...channels].sort().map((channel) => {
      const gaps = channel === mainChannel ? main : this.#gaps.get(channel)
      return {
        channel,
        ...describe(channel),
        ...(this.since !== undefined && { since: this.since }),
        ...(gaps?.counts() ?? nothing),
        hangs: this.#hangs.get(channel)?.counts() ?? nothing,
      }
    })
  }
}

const nothing: GapCounts = { total: 0, sumMs: 0, maxMs: 0, bins: [] }

function obtain(pages: Map<string, BeatGaps>, channel: string): BeatGaps {
  const page = pageOf(channel, pages)
  const known = pages.get(page)
  if (known !== undefined) return known
  const gaps = new BeatGaps()
  pages.set(page, gaps)
  return gaps
}

/** Children have channels named after their pids, other in each run: one page for all. And a service may invent names without end. */
function pageOf(channel: string, pages: ReadonlyMap<string, BeatGaps>): string {
  const name = channel.replace(/^pid-\d+$/, 'pid-*')
  return pages.has(name) || pages.size < channelLimit ? name : '*'
}
