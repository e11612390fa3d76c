import { say, timed } from '../../host/progress.ts'

// One thing that the lab needs: is it there already, what is it made of, and how is it made.
export interface Stage<T, Ingredients = unknown> {
  title: string
  there: () => Promise<T | undefined>
  needs?: () => Promise<Ingredients>
  make: (ingredients: Ingredients) => Promise<T>
}

// Makes what is missing, and says which was the case.
export async function need<T, Ingredients>(stage: Stage<T, Ingredients>): Promise<T> {
  const found = await stage.there()
  if (found !== undefined) {
    say(`  ok ${stage.title}: there already`)
    return found
  }
  const ingredients = (await stage.needs?.()) as Ingredients
  return timed(stage.title, () => stage.make(ingredients))
}
