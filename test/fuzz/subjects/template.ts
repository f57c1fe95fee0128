import { EvaluationError, ProblemsError } from '../../../src/model/errors.ts'
import { inlineText } from '../../../src/rules/language/source-text.ts'
import { compileStructure } from '../../../src/rules/language/structure.ts'
import { compileTemplate } from '../../../src/rules/language/template/template.ts'
import { USERS } from '../../support/match-tables.ts'
import { mutateText } from '../mutate-text.ts'
import type { FuzzSubject } from '../subject.ts'
import { hostileChange } from './rows.ts'

const TEMPLATES = [
  'cache:user:{{ .ID }}',
  'user:{{id}}:{{new.email}}:{{old.email}}:{{key.id}}',
  "{{lower email}} {{default name 'nobody'}} {{json new}} {{urlencode name}}",
  'Order {{id}} is {{#if status}}a gift{{else}}no gift{{/if}} {{#each tags}}{{this}},{{/each}}',
  '{{#with doc}}{{level}} {{tags.[1]}}{{/with}} {{event.id}} {{event.gtid}} {{table}}.{{op}}',
]
const TOKENS = [
  '{{id}}',
  '{{{id}}}',
  '{{&id}}',
  '{{> partial}}',
  '{{!-- x --}}',
  '{{~id~}}',
  '{{../id}}',
  '{{@root.id}}',
  '{{constructor}}',
  '{{__proto__}}',
  '{{this.constructor.constructor}}',
  '{{lookup . "constructor"}}',
  '{{#each doc}}',
  '{{/each}}',
  '{{#unless id}}',
  '{{/unless}}',
  '{{else}}',
  '{{^}}',
  '{{#if (json new)}}',
  '{{/if}}',
  '{{helperMissing}}',
  '{{blockHelperMissing}}',
  '{{log id}}',
  '{{json json}}',
  '{{id name=1}}',
  '{{"id"}}',
  '{{[a b]}}',
  '{{#*inline "x"}}',
  '{{/inline}}',
  '{{{{raw}}}}',
  '{{{{/raw}}}}',
  '\\{{id}}',
  '\\\\{{id}}',
  '{{json event}}',
]

export const template: FuzzSubject = {
  name: 'template',
  attempt(random) {
    const source = inlineText(mutateText(random.pick(TEMPLATES), random, TOKENS))
    try {
      const text = compileTemplate(source, { strict: random.chance(50) })
      text.reads(USERS)
      const render = text.bind(USERS)
      const structure = compileStructure(
        { tag: 'map', entries: [['x', { tag: 'text', text: source }]] },
        source.location,
      )
      const build = structure.bind(USERS)
      const write = structure.bindJson(USERS)
      for (let i = 0; i < 3; i++) {
        const change = hostileChange(random)
        for (const run of [() => render(change), () => JSON.stringify(build(change), printable), () => write(change)]) {
          evaluate(run)
        }
      }
    } catch (error) {
      if (error instanceof EvaluationError) return
      if (!(error instanceof ProblemsError)) throw error
      if (error.problems[0]?.location === undefined) throw new Error(`a problem without a place: ${error.message}`)
    }
  },
}

function printable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function evaluate(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
  }
}
