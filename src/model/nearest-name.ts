/**
 * The candidate that was most likely meant by a misspelt name, for "did you mean …?"; undefined when none is close.
 * Letter case and the separators `-` and `_` count for nothing; swapped neighbours count as one slip, a missing or added end too.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = normalised(name)
  const allowed = Math.max(1, Math.floor(wanted.length / 3))
  let best: string | undefined
  let bestDistance = allowed + 1
  for (const candidate of candidates) {
    const distance = distanceBetween(wanted, normalised(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function normalised(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '')
}

function distanceBetween(a: string, b: string): number {
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a]
  if (shorter.length >= 3 && shorter.length < longer.length && longer.startsWith(shorter)) return 1
  return editDistance(a, b)
}

/** Optimal string alignment distance: insert, delete, replace, swap neighbours. */
function editDistance(a: string, b: string): number {
  let twoBack: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, twoBack[j - 2]! + 1)
      current.push(cost)
    }
    twoBack = previous
    previous = current
  }
  return previous[b.length]!
}
