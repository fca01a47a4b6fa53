// The one entry: which view a widget shows is said by its state.
// Only that view's scripts are loaded, so the others' names are not looked up.

const VIEWS = {
  map: (given) => createMap(given),
  gallery: (given) => createGallery(given),
  box: (given) => createBox(given),
  steps: (given) => createSteps(given),
  growing: (given) => createGrowing(given),
  temperature: (given) => createTemperature(given),
  grid: (given) => createAttentionGrid(given),
  positions: (given) => createPositions(given),
  mask: (given) => createMaskEditor(given),
  looks: (given) => createLooks(given),
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
