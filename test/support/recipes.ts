import { readFileSync } from 'node:fs'

const BLOCKS = [...readFileSync('docs/recipes.md', 'utf8').matchAll(/```yaml\n([^]*?)```/g)].map(([, text]) => text!)
const RULES = 'rules:\n'

/** Ids of the rules on the page of recipes, in its order. */
export const RECIPE_IDS: readonly string[] = BLOCKS.flatMap((text) =>
  [...text.matchAll(/^ {2}- id: (\w+)$/gm)].map(([, id]) => id!),
)

/** Texts of the page, and what a test has instead: addresses of its servers, shorter times, smaller numbers. */
export type Replacements = readonly (readonly [text: string, by: string])[]

/** A rules file of the blocks with these rules, as they stand on the page but for the replacements. */
export function recipes(ids: readonly string[], replacements: Replacements): string {
  const heads: string[] = []
  const rules: string[] = []
  for (const id of ids) {
    const [head, body] = blockWith(`id: ${id}\n`).split(RULES)
    heads.push(head!)
    rules.push(body!)
  }
  return replaced([...heads, RULES, ...rules].join(''), replacements)
}

/** The block that has this text, as it stands on the page but for the replacements. */
export function recipeWith(text: string, replacements: Replacements): string {
  return replaced(blockWith(text), replacements)
}

function blockWith(text: string): string {
  const block = BLOCKS.find((each) => each.includes(text))
  if (block === undefined) throw new Error(`no recipe has ${text}`)
  return block
}

function replaced(text: string, replacements: Replacements): string {
  return replacements.reduce((before, [old, by]) => before.replaceAll(old, by), text)
}
