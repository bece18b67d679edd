// Node's client is installed without its native part, which takes minutes to build. Its client in
// JavaScript, AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1, needs a module in its place.
require("module")._extensions[".node"] = (module) => {
  module.exports = { initializeClient() {} };
};
