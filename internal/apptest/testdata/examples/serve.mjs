// node serve.mjs FOLDER listens on a free port, prints its address, and hands the
// body of every webhook it is sent to the handleWebhook of FOLDER/example.mjs. For
// each it prints a line of JSON: what the function returned, and whom of the
// functions that the documents leave to the reader it called. Ends with its input.
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

let told = []
for (const name of ['notifyUserOfDiscount', 'sendRewardEmail']) {
  globalThis[name] = async (...args) => { told.push([name, ...args]) }
}
const { handleWebhook } = await import(pathToFileURL(`${resolve(process.argv[2])}/example.mjs`))
const server = createServer(async (req, res) => {
  let text = ''
  for await (const part of req.setEncoding('utf8')) text += part
  told = []
  const returned = await handleWebhook({ body: JSON.parse(text), headers: req.headers })
  console.log(JSON.stringify({ event: JSON.parse(text).event, returned, told }))
  res.writeHead(returned.status).end()
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/webhook`))
process.stdin.resume().on('end', () => process.exit(0))
