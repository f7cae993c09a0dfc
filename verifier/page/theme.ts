/** Dark or light: as the system has it, or as the person says. The choice is kept only while the page is open: the page stores nothing. */
import { byId } from './dom.js';

const THEMES = ['system', 'light', 'dark'] as const;

export function startTheme(): void {
  const toggle = byId<HTMLButtonElement>('theme');
  let chosen = 0;
  toggle.addEventListener('click', () => {
    chosen = (chosen + 1) % THEMES.length;
    const theme = THEMES[chosen]!;
    document.documentElement.dataset['theme'] = theme;
    toggle.textContent = `Colours: ${theme}`;
  });
}
