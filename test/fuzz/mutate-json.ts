import type { Random } from '../support/random-tables.ts'

/** What somebody's editor, or another program, leaves where something else is expected. */
const VALUES: readonly unknown[] = [
  null, true, false, 0, -1, 1.5, 1e300, 2 ** 53, '', ' ', 'x', '0', '\0', '\ud800', '__proto__', '9223372036854775808', 'yesterday',
  '2026-13-99T00:00:00Z', [], [null], [[]], [1, 'x'], {}, { id: null }, { length: 3 }, { toString: 1 },
] // prettier-ignore

/** Maps and lists are changed in place. */
type Container = { [name: string]: unknown }

/** A copy of JSON in which one to four values are others, missing, or stand elsewhere. */
export function mutateJson(value: unknown, random: Random): unknown {
  const root = { value: structuredClone(value) }
  for (let changes = 1 + random.below(4); changes > 0; changes--) change(root, random)
  return root.value
}

function change(root: Container, random: Random): void {
  const [container, name] = placeIn(root, random)
  switch (random.below(6)) {
    case 0:
      // What is left is still to have a value.
      if (Array.isArray(container)) container.splice(Number(name), 1)
      else if (container !== root) delete container[name]
      return
    case 1: {
      const [other, otherName] = placeIn(root, random)
      container[name] = structuredClone(other[otherName])
      return
    }
    case 2:
      container[random.pick(['more', 'id', 'op', 'type', 'event', 'toString'])] = structuredClone(random.pick(VALUES))
      return
    case 3:
      if (typeof container[name] === 'string') container[name] = `${container[name]}${random.text(5)}`
      return
    default:
      container[name] = structuredClone(random.pick(VALUES))
  }
}

/** Somewhere in it: shallow places as often as deep ones. */
function placeIn(root: Container, random: Random): readonly [Container, string] {
  let container = root
  let name = 'value'
  while (true) {
    const inner = container[name]
    if (typeof inner !== 'object' || inner === null || random.chance(10)) return [container, name]
    const names = Object.keys(inner)
    if (names.length === 0) return [container, name]
    container = inner as Container
    name = random.pick(names)
  }
}
