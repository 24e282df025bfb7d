import type { CallArguments } from './call-arguments.js'
import type { Holder } from './descriptor-holder.js'
import type { LockWait } from './file-lock-holder.js'
import type { NetworkSocket } from './socket-table.js'

/** A thread that waits in a system call, and what it waits for. */
export interface Wait {
  readonly tid: number
  readonly isMain: boolean
  readonly thread: string
  readonly state: string
  /** Name of the system call. */
  readonly call: string
  readonly arguments: CallArguments
  readonly target: WaitTarget
}

/** Some process, as a sentence names it. */
export interface Party {
  readonly pid: number
  readonly name: string
  /** The kernel's letter. */
  readonly state: string
}

export type WaitTarget =
  /** A pipe, or a FIFO by its path. The ends are those in other processes. */
  | {
      readonly kind: 'pipe'
      readonly path: string
      readonly isFifo: boolean
      readonly readers: readonly Holder[]
      readonly writers: readonly Holder[]
      /** All processes were looked at: who is not listed has it not open. */
      readonly complete: boolean
    }
  | ({ readonly kind: 'network'; readonly peer?: Party } & Omit<NetworkSocket, 'kind'> & {
        readonly protocol: 'tcp' | 'udp'
      })
  | { readonly kind: 'unix'; readonly path: string; readonly peer?: Party }
  | { readonly kind: 'lock'; readonly path: string; readonly lock: LockWait; readonly holder?: Party }
  /** A file of a mount that a server answers for. */
  | {
      readonly kind: 'served'
      readonly path: string
      readonly type: string
      readonly point: string
      readonly source: string
      readonly server?: Party
    }
  | { readonly kind: 'process'; readonly process: Party }

/** What the exhibit `waits` holds, when it looks like that. */
export function readWaits(content: unknown): readonly Wait[] {
  if (typeof content !== 'object' || content === null || !('waits' in content)) return []
  return Array.isArray(content.waits) ? content.waits.filter(isWait) : []
}

function isWait(value: unknown): value is Wait {
  if (typeof value !== 'object' || value === null || !('target' in value) || !('call' in value)) return false
  return typeof value.call === 'string' && typeof value.target === 'object' && value.target !== null
}
