/**
 * A small web service for `hangdog demo`: an ordinary Express program that knows nothing of hangdog. One of its routes has a bug.
 * PORT comes from the environment; 0 lets the system choose, and the port is printed.
 */
import type { AddressInfo } from 'node:net'
import express from 'express'

const app = express()

app.get('/', (_request, response) => {
  response.json({ answer: 'hello', pid: process.pid })
})

app.get('/report/:rows', (request, response) => {
  response.json({ rows: addUpRows(Number(request.params.rows)) })
})

/** The bug: a number of rows that is negative never counts down to zero. */
function addUpRows(rows: number): number {
  let sum = 0
  for (let row = rows; row !== 0; row--) sum = (sum + row) % 1_000_003
  return sum
}

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
})
