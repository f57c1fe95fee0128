import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RECIPE_IDS } from '../support/recipes.ts'

/** Named together with the rule beside them, as they share its block. */
const IN_ONE_BLOCK = new Map([
  ['remove_user', 'copy_user'],
  ['product_hash_gone', 'product_hash'],
  ['publish_deletes', 'publish'],
])

test('every rule on the page of recipes is tried on real servers', () => {
  const tests = globSync('test/integration/recipes*.test.ts').map((file) => readFileSync(file, 'utf8'))
  expect(RECIPE_IDS.length).toBeGreaterThan(25)
  const missing = RECIPE_IDS.filter((id) => !tests.some((text) => text.includes(`'${IN_ONE_BLOCK.get(id) ?? id}'`)))
  expect(missing).toEqual([])
})
