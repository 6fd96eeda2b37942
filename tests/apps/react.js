// React Router with loaders, and Helmet: address, data and title come one after the other.
import { createElement as h } from "react";
import { createRoot } from "react-dom/client";
import { Helmet, HelmetProvider } from "react-helmet-async";
import { Link, createBrowserRouter, useLoaderData } from "react-router";
import { RouterProvider } from "react-router/dom";

const loader = (name) => () => new Promise((loaded) => setTimeout(() => loaded(name), 150));
function Page({ to }) {
  const name = useLoaderData();
  return h("main", null, h(Helmet, null, h("title", null, `React ${name}`)), h(Link, { to, id: "on" }, "on"));
}
const routes = [
  { path: "/react", loader: loader("one"), element: h(Page, { to: "/react/two" }), HydrateFallback: () => null },
  { path: "/react/two", loader: loader("two"), element: h(Page, { to: "/react" }) },
];
createRoot(document.querySelector("#app")).render(
  h(HelmetProvider, null, h(RouterProvider, { router: createBrowserRouter(routes) })),
);
