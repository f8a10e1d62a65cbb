import { render } from "preact";
import { openPage } from "./live/page.ts";
import { App } from "./view/app.tsx";
import { PageContext } from "./view/page-context.ts";

const root = document.getElementById("page");
if (root) {
  render(
    <PageContext.Provider value={openPage()}>
      <App />
    </PageContext.Provider>,
    root,
  );
}
