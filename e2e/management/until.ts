import { setTimeout as sleep } from 'node:timers/promises'

// Asks until there is an answer, and gives it. Throws what it waited for when the limit has passed, with what `state`
// says of the matter; an error of the question itself (an API that is away for a moment) is no answer.
export async function until<T>(
  what: string,
  limitSeconds: number,
  ask: () => Promise<T | undefined | false>,
  state?: () => Promise<string>,
): Promise<T> {
  let trouble = ''
  for (const limit = Date.now() + limitSeconds * 1000; ; await sleep(1000)) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
      trouble = ''
    } catch (thrown) {
      trouble = ` (${(thrown as Error).message.split('\n')[0]})`
    }
    if (Date.now() < limit) continue
    const now = (await state?.().catch(() => '')) ?? ''
    throw new Error(`${what}: timed out after ${limitSeconds} s${trouble}${now && `\n${now}`}`)
  }
}
