// The one entry: which view a widget shows is said by its state.

const VIEWS = {
  map: createMap,
  gallery: createGallery,
  box: createBox,
  steps: createSteps,
  growing: createGrowing,
  temperature: createTemperature,
};

function render({ model, el }) {
  const { root, destroy } = VIEWS[model.get("state").view]({
    state: model.get("state"),
    colours: model.get("colours"),
    model,
  });
  for (const [role, colour] of Object.entries(model.get("colours").role)) {
    root.style.setProperty(`--am-${role.replace(" ", "-")}`, colour);
  }
  el.append(root);
  return destroy;
}

export default { render };
