import { PAGE_IDS } from "../report/page/document.ts";

const EDGE = 8;

/** A dot's text beside it, on hover and on keyboard focus; its row in the table lit, and the other way round. */
export function followDots(root: HTMLElement): void {
  const tip = document.getElementById(PAGE_IDS.tip)!;
  const hide = (): void => {
    tip.hidden = true;
    for (const lit of root.querySelectorAll(".lit")) lit.classList.remove("lit");
  };
  const show = (target: EventTarget | null): void => {
    hide();
    const operator = operatorOf(target);
    if (operator === undefined) return;
    const name = operator.getAttribute("data-operator")!;
    for (const one of root.querySelectorAll("[data-operator]"))
      if (one.getAttribute("data-operator") === name) one.classList.add("lit");
    if (operator.classList.contains("dot")) place(tip, operator);
  };
  root.addEventListener("pointerover", ({ target }) => show(target));
  root.addEventListener("pointerleave", hide);
  root.addEventListener("focusin", ({ target }) => show(target));
  root.addEventListener("focusout", hide);
  root.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") hide();
  });
}

const operatorOf = (target: EventTarget | null): Element | undefined =>
  (target instanceof Element ? target.closest("[data-operator]") : null) ?? undefined;

/** Above the dot, or below it where there is no room; never beyond the window's edge. */
function place(tip: HTMLElement, dot: Element): void {
  const [name, ...rest] = (dot.getAttribute("aria-label") ?? "").split(": ");
  const strong = document.createElement("b");
  strong.textContent = name ?? "";
  tip.replaceChildren(strong, rest.join(": "));
  tip.hidden = false;
  const box = dot.getBoundingClientRect();
  const wanted = box.left + box.width / 2 - tip.offsetWidth / 2;
  const left = Math.max(
    EDGE,
    Math.min(wanted, document.documentElement.clientWidth - tip.offsetWidth - EDGE),
  );
  const above = box.top - tip.offsetHeight - EDGE;
  const top = above > 0 ? above : box.bottom + EDGE;
  tip.style.left = `${left + window.scrollX}px`;
  tip.style.top = `${top + window.scrollY}px`;
}
