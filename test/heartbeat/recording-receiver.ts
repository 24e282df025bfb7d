import type { BeatReceiver, SignOfLife } from '../../src/watch/sign-of-life.js'

/** Remembers what a source delivers. */
export class RecordingReceiver implements BeatReceiver {
  readonly service: string
  beats = 0
  contacts = 0
  readonly signs: SignOfLife[] = []
  readonly channelBeats: { readonly channel: string; readonly progress: number | undefined }[] = []
  readonly gaps: { readonly channel: string; readonly gap: number; readonly count: number }[] = []
  /** What the core answers to signs of life and channel beats. */
  accepts = true

  constructor(service = 'web') {
    this.service = service
  }

  beat(): void {
    this.beats++
  }

  beatChannel(channel: string, progress?: number): boolean {
    this.channelBeats.push({ channel, progress })
    return this.accepts
  }

  signOfLife(sign: SignOfLife): boolean {
    this.signs.push(sign)
    return this.accepts
  }

  gapsSeen(channel: string, gap: number, count: number): void {
    this.gaps.push({ channel, gap, count })
  }

  contact(): void {
    this.contacts++
  }
}
