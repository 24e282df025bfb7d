import { type Milliseconds, milliseconds } from '../time.js'
import type { GuardNotice } from '../watch/native-engine.js'
import type { AddonRecord } from './addon.js'
import { type GuardHold, holdOf } from './guard-plan.js'

/** A datagram of the notify socket. */
export interface GuardMessage {
  /** The watched process that sent it; undefined when the guard does not know the sender. */
  readonly process: number | undefined
  /** Of the sender, as the kernel knows it. */
  readonly pid: number
  readonly uid: number
  /** The guard has counted the beat in it: it asks nothing more of us. */
  readonly beatTaken: boolean
  /** For how long its process had not beaten, if there is a beat in it and its countdown runs. */
  readonly silent: Milliseconds | undefined
  readonly text: string
}

export interface GuardListener {
  messageReceived?(message: GuardMessage): void
  /** A watched process has ended. Its countdown is off. */
  processEnded?(process: number): void
  /** A countdown that is not quiet was beaten by shared memory. @param silent the time from the beat before, where that is known */
  pageBeaten?(countdown: number, silent: Milliseconds | undefined): void
  /** The guard begins to carry out a plan: until `guardActed` the countdown is its own. @param slot of the record, if there is one */
  guardActing?(countdown: number, slot: number | undefined): void
  /** It is done. @param error zero when the end of the process is proven (or, without a plan, the signal was sent); else an errno value */
  guardActed?(countdown: number, process: number, error: number, slot: number | undefined): void
  /** A record was written about a silence that was not acted on. */
  guardNoted?(countdown: number, slot: number | undefined): void
  /** A silence is not acted on for now. */
  guardHolding?(countdown: number, hold: GuardHold): void
}

/** Of native/guard/guard.h. */
const kinds = {
  warning: 1,
  expired: 2,
  acted: 3,
  ended: 4,
  stall: 5,
  message: 6,
  pageBeat: 7,
  acting: 16,
  noted: 17,
  holding: 18,
} as const

/** Tells those who listen what the guard has to say. */
export class GuardNews {
  noticed: (notice: GuardNotice) => void = () => {}
  readonly #listeners = new Set<GuardListener>()

  listen(listener: GuardListener): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: GuardListener): void {
    this.#listeners.delete(listener)
  }

  /** Nobody is told anything any more. */
  end(): void {
    this.#listeners.clear()
    this.noticed = () => {}
  }

  tell(record: AddonRecord): void {
    const { countdown, process, arming } = record
    switch (record.kind) {
      case kinds.warning:
        this.noticed({ kind: 'warning', countdown, arming })
        return
      case kinds.expired:
        this.noticed({ kind: 'expired', countdown, arming })
        return
      case kinds.acted:
        for (const listener of this.#listeners) {
          listener.guardActed?.(countdown, process, record.error ?? 0, slotOf(record))
        }
        this.noticed({ kind: 'acted', countdown, arming })
        return
      case kinds.acting:
        this.noticed({ kind: 'acting', countdown, arming })
        for (const listener of this.#listeners) listener.guardActing?.(countdown, slotOf(record))
        return
      case kinds.noted:
        for (const listener of this.#listeners) listener.guardNoted?.(countdown, slotOf(record))
        return
      case kinds.holding:
        for (const listener of this.#listeners) listener.guardHolding?.(countdown, holdOf(record.hold))
        return
      case kinds.ended:
        for (const listener of this.#listeners) listener.processEnded?.(process)
        return
      case kinds.stall:
        this.noticed({ kind: 'stall', lost: milliseconds(record.span ?? 0) })
        return
      case kinds.message:
        this.#message(record)
        return
      case kinds.pageBeat:
        for (const listener of this.#listeners) listener.pageBeaten?.(countdown, silence(record))
        return
    }
  }

  #message({ process, pid = 0, uid = 0, beatTaken, span, text = '' }: AddonRecord): void {
    const message = {
      process: process === 0 ? undefined : process,
      pid,
      uid,
      beatTaken: beatTaken === 1,
      silent: span === undefined ? undefined : milliseconds(span),
      text,
    }
    for (const listener of this.#listeners) listener.messageReceived?.(message)
  }
}

/** Below zero is unknown. */
function silence({ span }: AddonRecord): Milliseconds | undefined {
  return span === undefined || span < 0 ? undefined : milliseconds(span)
}

function slotOf({ slot = 0 }: AddonRecord): number | undefined {
  return slot === 0 ? undefined : slot - 1
}
