import { open, stat, writeFile } from 'node:fs/promises'
import { writeDurably } from '../durable-file.js'
import { describeError, HangdogError, systemCode } from '../errors.js'
import { readListChanges, writeList } from '../property/list-exchange.js'
import { readDocument, writeDocument } from '../property/property-document.js'
import { longestList } from '../property/property-list.js'
import { checkServiceName } from '../property/service-name.js'
import type { Output } from './output.js'
import type { ExchangeOptions } from './prop.js'
import { changeState, readState } from './property-state.js'

/** `prop export`. @param file undefined for standard output @throws HangdogError `create` when it cannot be written */
export async function exportProperties(
  file: string | undefined,
  options: ExchangeOptions,
  output: Output,
): Promise<void> {
  const { service, format } = options
  if (service !== undefined) checkServiceName(service)
  if (file === undefined && format === 'clusprop' && output.terminal) {
    throw new HangdogError('usage', 'cannot write a binary property list: expected a file or a pipe, not a terminal')
  }
  const { snapshot } = await readState(options.stateDir, output)
  const data =
    format === 'json'
      ? `${JSON.stringify(writeDocument(snapshot, service), undefined, 2)}\n`
      : writeList((service === undefined ? snapshot.common : snapshot.services.get(service)) ?? new Map())
  if (file === undefined) await output.write(data)
  else await writeExport(file, data)
}

async function writeExport(path: string, data: string | Uint8Array): Promise<void> {
  try {
    const isOther = await stat(path).then(
      (found) => !found.isFile(),
      () => false,
    )
    // A device or a pipe must be written to, not be replaced by a file.
    await (isOther ? writeFile(path, data) : writeDurably(path, data))
  } catch (error) {
    const code = systemCode(error) === 'EACCES' ? 'permission' : 'create'
    throw new HangdogError(code, `cannot write the properties to "${path}": ${describeError(error)}`, error)
  }
}

/** `prop import`. @param file undefined for standard input @throws HangdogError `data` for what is wrong in it; then nothing is changed */
export async function importProperties(
  file: string | undefined,
  options: ExchangeOptions,
  { output, input }: { readonly output: Output; readonly input: NodeJS.ReadableStream },
): Promise<void> {
  const { service, format } = options
  if (service !== undefined) checkServiceName(service)
  const name = file === undefined ? 'standard input' : `"${file}"`
  const data = await (file === undefined ? readAll(input, name) : readFile(file))
  await changeState(options.stateDir, output, (context) =>
    format === 'json'
      ? readDocument(decodeText(data, name), { name, service }, context)
      : readListChanges(data, { ...context, service }),
  )
}

async function readFile(path: string): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: unknown) => {
    const code = systemCode(error) === 'EACCES' ? 'permission' : 'data'
    throw new HangdogError(code, `cannot read properties from "${path}": ${describeError(error)}`, error)
  })
  try {
    return await readAll(file.createReadStream({ autoClose: false }), `"${path}"`)
  } finally {
    await file.close()
  }
}

/** Reads to the end, but not more than any set of properties can have. */
async function readAll(stream: NodeJS.ReadableStream, name: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk)
      length += bytes.length
      if (length > longestList) throw tooLong(name)
      chunks.push(bytes)
    }
  } catch (error) {
    if (error instanceof HangdogError) throw error
    throw new HangdogError('data', `cannot read properties from ${name}: ${describeError(error)}`, error)
  }
  return Buffer.concat(chunks, length)
}

function tooLong(name: string): HangdogError {
  return new HangdogError('data', `cannot read properties from ${name}: expected at most ${longestList} bytes`)
}

function decodeText(data: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data)
  } catch (error) {
    throw new HangdogError('data', `cannot read properties from ${name}: expected UTF-8 text`, error)
  }
}
