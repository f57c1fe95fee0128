import { nearestName } from '../../../model/nearest-name.ts'
import { textProblem } from '../source-text.ts'
import type { SourceText } from '../source-text.ts'
import type { TemplateBlock, TemplateCall } from './template-engine.ts'
import { TEMPLATE_HELPERS } from './template-helpers.ts'

const BLOCKS = ['if', 'unless', 'each', 'with']

/** Throws ProblemsError for a helper that does not exist or is called with too few or too many values. */
export function checkCall(source: SourceText, { helper, arguments: values, offset }: TemplateCall): void {
  const known = TEMPLATE_HELPERS.get(helper)
  if (known === undefined) {
    const nearest = nearestName(helper, TEMPLATE_HELPERS.keys())
    const hint =
      nearest === undefined
        ? `helpers are ${[...TEMPLATE_HELPERS.keys()].join(', ')}`
        : `did you mean {{${nearest} …}}?`
    throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', `there is no helper "${helper}"`, offset, hint)
  }
  const [least, most] = known.arity
  if (values.length >= least && values.length <= most) return
  const wanted = least === most ? String(least) : `${least} to ${most}`
  const message = `"${helper}" takes ${wanted} value(s), not ${values.length}`
  throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', message, offset, `${helper}: ${known.doc}`)
}

/** Throws ProblemsError for a block other than if, unless, each and with. */
export function checkBlock(source: SourceText, { name, arguments: values, offset }: TemplateBlock): void {
  if (!BLOCKS.includes(name)) {
    const nearest = nearestName(name, BLOCKS)
    const hint = nearest === undefined ? `blocks are ${BLOCKS.join(', ')}` : `did you mean {{#${nearest} …}}?`
    throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', `there is no block "${name}"`, offset, hint)
  }
  if (values.length === 1) return
  throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', `{{#${name}}} takes one value, not ${values.length}`, offset)
}
