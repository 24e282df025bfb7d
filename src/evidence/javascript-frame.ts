import type { InspectedThread, RawFrame } from './inspected-thread.js'
import { askMaps, type MapReference, readMapText, resolveSource } from './source-map.js'

/** One call of a thread. Line and column count from 1. */
export interface JavaScriptFrame {
  readonly function: string
  readonly url: string
  readonly line: number
  readonly column: number
  /** Where it is in the script that runs, when a source map gave the place above. */
  readonly generated?: { readonly url: string; readonly line: number; readonly column: number }
}

/** Scripts whose maps are read; a stack seldom goes through more. */
const mapLimit = 8

/** How long reading maps may take, in ms. */
const mapLimitMs = 400

/** Longest name and URL that is kept, in characters. */
const longestText = 1000

export interface FrameOrigin {
  readonly frame: RawFrame
  readonly thread: InspectedThread
}

export interface MappedFrames {
  readonly read: (frame: RawFrame) => JavaScriptFrame
  /** Why a script that has a source map is shown as it runs. */
  readonly notMapped: readonly string[]
}

/** Makes frames readable: places in the sources that people wrote, where a source map tells them. */
export async function mapFrames(pid: number, origins: readonly FrameOrigin[], limitMs: number): Promise<MappedFrames> {
  const scripts = groupByMap(origins)
  const texts = await Promise.all(scripts.map(({ reference }) => readMapText(pid, reference)))
  const notMapped = texts.flatMap((text, index) =>
    text.kind === 'read' ? [] : [`${scripts[index]?.reference.scriptUrl}: ${text.reason}`],
  )
  const asked = scripts.flatMap((script, index) => {
    const text = texts[index]
    return text?.kind === 'read' ? [{ ...script, text: text.text, base: text.base }] : []
  })
  const questions = asked.map(({ text, frames }) => ({
    text,
    positions: frames.map(({ line, column }) => ({ line, column })),
  }))
  const answers = await askMaps(questions, Math.min(limitMs, mapLimitMs))
  const mapped = new Map<RawFrame, JavaScriptFrame>()
  asked.forEach(({ frames, base, reference }, index) => {
    const originals = answers[index]
    if (originals === undefined) notMapped.push(`${reference.scriptUrl}: its source map cannot be used`)
    frames.forEach((frame, place) => {
      const original = originals?.[place]
      if (original === undefined) return
      const { url, line, column } = plainFrame(frame)
      mapped.set(frame, {
        function: nameFunction(frame),
        url: resolveSource(original.source, base),
        line: original.line + 1,
        column: original.column + 1,
        generated: { url, line, column },
      })
    })
  })
  return { read: (frame) => mapped.get(frame) ?? plainFrame(frame), notMapped }
}

interface MappedScript {
  readonly reference: MapReference
  readonly frames: RawFrame[]
}

function groupByMap(origins: readonly FrameOrigin[]): readonly MappedScript[] {
  const scripts = new Map<string, MappedScript>()
  for (const { frame, thread } of origins) {
    const script = thread.script(frame.scriptId)
    // Of the preload people have no source, and its own name is what it is known by.
    if (script === undefined || script.mapUrl === '' || isPreload(script.url)) continue
    const known = scripts.get(script.url)
    if (known !== undefined) known.frames.push(frame)
    else if (scripts.size < mapLimit)
      scripts.set(script.url, { reference: { scriptUrl: script.url, mapUrl: script.mapUrl }, frames: [frame] })
  }
  return [...scripts.values()]
}

/** Where the preload is, whose timer turns in an idle loop as well. */
const preloadFolder = new URL('../heartbeat/', import.meta.url).href

export function isPreload(url: string): boolean {
  return url.startsWith(preloadFolder)
}

function plainFrame(frame: RawFrame): JavaScriptFrame {
  return {
    function: nameFunction(frame),
    url: frame.url.slice(0, longestText),
    line: frame.line + 1,
    column: frame.column + 1,
  }
}

function nameFunction(frame: RawFrame): string {
  return frame.function === '' ? '(anonymous)' : frame.function.slice(0, longestText)
}
