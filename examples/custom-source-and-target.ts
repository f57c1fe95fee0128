/**
 * BinGo as a library: a source that reads a file of JSON lines, rules as YAML, and a target that writes lines to another
 * file. Run it with `node examples/custom-source-and-target.ts`; in a project of yours import from 'bingo-cdc'.
 */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPipeline, defineTable, groupSource, rowChange } from '../src/index.ts'
import type { TargetType } from '../src/index.ts'

interface Order {
  readonly id: number
  readonly status: string
  readonly total: number
}

const orders = defineTable({
  schema: 'shop',
  name: 'orders',
  columns: { id: 'int', status: 'string', total: 'float' },
  key: ['id'],
})

/** Each line is a group of one change. A restart resumes behind the last line that was worked off. */
function lines(path: string) {
  return groupSource<{ readonly line: number }>({
    name: 'lines',
    async *read(from) {
      const text = await readFile(path, 'utf8')
      for (const [index, json] of text.split('\n').entries()) {
        if (json === '' || index < (from?.line ?? 0)) continue
        const { id, status, total } = JSON.parse(json) as Order
        const change = rowChange({ table: orders, op: 'insert', new: { id, status, total } })
        yield { id: `line-${index}`, changes: [change], end: { line: index + 1 } }
      }
    },
  })
}

/** `type: lines` in rules. */
const writeLines: TargetType = {
  type: 'lines',
  fields: { path: { kind: 'string', required: true, doc: 'The file that is appended to.' } },
  targetFields: ['path'],
  open: ({ path }) => ({
    send: async (messages) => {
      const text = messages.map(({ id, body }) => `${JSON.stringify({ id, body })}\n`)
      await appendFile(path as string, text.join(''))
    },
  }),
}

const folder = await mkdtemp(join(tmpdir(), 'bingo-example-'))
try {
  const [input, output] = [join(folder, 'orders.jsonl'), join(folder, 'paid.jsonl')]
  const work = async (): Promise<void> => {
    const pipeline = await createPipeline({
      name: 'example',
      sources: [lines(input)],
      rules: `
        rules:
          - id: paid
            table: orders
            filter: "new.status == 'paid'"
            actions:
              - type: lines
                path: ${JSON.stringify(output)}
                body: { order: "{{id}}", total: "{{total}}" }`,
      targets: [writeLines],
      state: `file:${join(folder, 'state')}`,
    })
    // Resolves when the source has ended and everything is delivered; a daemon passes an AbortSignal and is stopped by it.
    await pipeline.run()
    const { rowsTotal, matchedTotal, sources } = pipeline.stats()
    console.log({ rowsTotal, matchedTotal, position: sources['lines']!.position })
  }

  await writeFile(input, '{"id":1,"status":"paid","total":12.5}\n{"id":2,"status":"new","total":8}\n')
  await work()
  await appendFile(input, '{"id":2,"status":"paid","total":8}\n')
  await work()
  console.log(await readFile(output, 'utf8'))
} finally {
  await rm(folder, { recursive: true })
}
