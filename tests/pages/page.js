// What a reader would complain of, on the page of a mail that is shown: a list of sentences; [] is a good page.
(() => {
  const wrong = [], card = document.querySelector('.card').getBoundingClientRect();
  const say = (what, node) => wrong.push(`${what}: ${(node.textContent || node.tagName).trim().slice(0, 60)}`);
  const rgba = text => text.match(/[\d.]+/g).map(Number);
  // WCAG 2.2, "relative luminance" and "contrast ratio".
  const bright = ([r, g, b]) => [[r, .2126], [g, .7152], [b, .0722]].reduce((sum, [value, weight]) =>
    sum + weight * (value <= 10.31 ? value / 3294.6 : ((value / 255 + .055) / 1.055) ** 2.4), 0);
  const apart = (one, two) => {
    const [dark, light] = [bright(one), bright(two)].sort((a, b) => a - b);
    return (light + .05) / (dark + .05);
  };
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = rgba(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
      if (colour[3] !== 0) say('half transparent', node);
    }
    return [255, 0, 255];  // nobody says what is behind it
  };

  if (document.documentElement.scrollWidth > innerWidth) wrong.push('the page is wider than the window');
  if (card.left < 0 || card.right > innerWidth || card.width > 602) wrong.push('the card is too wide');
  if (Math.abs(card.left + card.right - innerWidth) > 1) wrong.push('the card is not in the middle');
  if (matchMedia('(prefers-color-scheme: dark)').matches !== WANTS_DARK) wrong.push('not in the colours asked for');
  if (document.documentElement.lang !== LANG) wrong.push(`lang is ${document.documentElement.lang}`);
  const active = 'img, script, link, object, embed, iframe, audio, video, form, input, svg, [src], [background]';
  for (const node of document.querySelectorAll(active)) wrong.push(`<${node.tagName.toLowerCase()}>`);

  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, node = text.parentElement, style = getComputedStyle(node);
    if (!text.textContent.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const boxes = [...range.getClientRects()].filter(box => box.width);
    if (!boxes.length) say('cannot be seen', text);
    if (boxes.some(box => box.left < card.left + 10 || box.right > card.right - 10)) say('sticks out', text);
    const contrast = apart(rgba(style.color), ground(node));
    if (contrast < 4.5) say(`contrast is ${contrast.toFixed(2)}`, text);
    if (parseFloat(style.fontSize) < 14) say(`letters of ${style.fontSize}`, text);
    if (parseFloat(style.lineHeight) < 1.3 * parseFloat(style.fontSize)) say('lines too close', text);
  }

  for (const link of document.querySelectorAll('a')) {
    const style = getComputedStyle(link), box = link.getBoundingClientRect();
    const isButton = parseFloat(style.borderTopWidth) >= 1;
    if (!link.protocol.startsWith('mailto')) say('leads elsewhere', link);
    if (!isButton && !style.textDecorationLine.includes('underline')) say('a link that does not look like one', link);
    if (isButton && box.height < 40) say('too small for a finger', link);
  }
  return wrong;
})()
