// node run.mjs FOLDER makes the calls of FOLDER/calls.json to the functions of
// FOLDER/example.mjs, in order, and prints a line of JSON for each: what the
// function returned, what it asked the server, and whom of the functions that
// the documents leave to the reader it called.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

let asked = []
let told = []
for (const name of ['alertTeam', 'notifyUserOfDiscount', 'sendRewardEmail']) {
  globalThis[name] = async (...args) => { told.push([name, ...args]) }
}
const send = globalThis.fetch
globalThis.fetch = (url, options = {}) => {
  const { pathname, search } = new URL(url)
  asked.push([options.method ?? 'GET', pathname + search, ...(options.body ? [JSON.parse(options.body)] : [])])
  return send(url, options)
}

const folder = resolve(process.argv[2])
const example = await import(pathToFileURL(`${folder}/example.mjs`))
const results = []
for (const { call, with: args } of JSON.parse(readFileSync(`${folder}/calls.json`, 'utf8'))) {
  asked = []
  told = []
  // { "returned": n } stands for what call n returned.
  const returned = await example[call](...args.map((a) => (a?.returned === undefined ? a : results[a.returned])))
  results.push(returned)
  console.log(JSON.stringify({ returned, asked, told }))
}
