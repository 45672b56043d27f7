// Fetches the page again every two seconds and shows what has changed, while anybody looks at it.
(() => {
  const main = document.getElementById("live");
  const lost = document.getElementById("lost");
  const patience = 5000;
  let good = new Date();

  async function update() {
    try {
      const signal = AbortSignal.timeout(patience);
      const answer = await fetch("/", {headers: {Accept: "text/html"}, signal});
      if (!answer.ok) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      main.replaceChildren(...page.getElementById("live").childNodes);
      document.title = page.title;
      good = new Date();
      lost.hidden = true;
    } catch {
      lost.textContent = "The proxy has not answered since " + good.toLocaleTimeString() +
        ". What is shown is from then.";
      lost.hidden = false;
    }
  }

  async function run() {
    if (!document.hidden) await update();
    setTimeout(run, 2000);
  }
  setTimeout(run, 2000);
})();
