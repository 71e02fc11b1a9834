import assert from 'node:assert/strict'
import axe, { type AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

/** In the colours that the page has. `name`: of the page, where it fails. */
export async function assertAccessible(page: Page, name: string): Promise<void> {
  await page.evaluate(axe.source)
  const { violations, passes } = await page.evaluate<AxeResults>(
    // Of WCAG 2.2, and off unless it is asked for.
    `axe.run(document, { rules: { 'target-size': { enabled: true } } })`,
  )
  assert.deepEqual(
    violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]),
    [],
    name,
  )
  assert.ok(passes.length > 10, name)
}

/** What has the focus after each press of Tab, which must be seen to have it. */
export async function tabs(page: Page, presses: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < presses; i++) {
    await page.keyboard.press('Tab')
    const { id, outline } = await page.evaluate<{ id: string; outline: string }>(`(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement)
      return { id: document.activeElement.id, outline: outlineStyle + ' ' + outlineWidth }
    })()`)
    assert.equal(outline, 'solid 3px', id)
    ids.push(id)
  }
  return ids
}
