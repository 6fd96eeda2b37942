// Vue Router and unhead: the title of a page comes with its data, 150 ms after the address.
import { useHead } from "@unhead/vue";
import { createHead } from "@unhead/vue/client";
import { createApp, h, ref } from "vue";
import { RouterLink, RouterView, createRouter, createWebHistory } from "vue-router";

const page = (name, to) => ({
  setup() {
    const title = ref();
    useHead({ title });
    setTimeout(() => (title.value = `Vue ${name}`), 150);
    return () => h("main", [h("h1", name), h(RouterLink, { to, id: "on" }, () => "on")]);
  },
});

const routes = [
  { path: "/vue", component: page("one", "/vue/two") },
  { path: "/vue/two", component: page("two", "/vue") },
];
createApp({ render: () => h(RouterView) })
  .use(createRouter({ history: createWebHistory(), routes }))
  .use(createHead())
  .mount("#app");
