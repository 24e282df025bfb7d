import type { Collector } from './exhibit.js'

const lineCount = 200

/** What the service wrote last. */
export const outputCollector: Collector = {
  name: 'output',
  collect: async (request) => {
    const lines = request.process.lastLines(lineCount)
    return lines.length === 0
      ? { kind: 'missing', reason: 'the service wrote nothing, or writes past hangdog' }
      : { kind: 'found', content: lines }
  },
}
