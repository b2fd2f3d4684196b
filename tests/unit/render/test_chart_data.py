"""Charts as tables, read back. Needs plotly and pandas."""

import io

import pandas
import plotly.graph_objects as go

from ae_core.render.chart_data import charts_to_csv


def test_all_points_of_curves_bars_and_maps_are_rows():
    curve = go.Figure(
        [
            go.Scatter(x=[1, 2], y=[0.5, 0.25], name="<b>10⁻⁴</b>", error_y={"array": [0.1, 0.2]}),
            go.Bar(x=["a"], y=[3]),
            go.Scatter(x=[], y=[]),
        ]
    )
    table = pandas.read_csv(
        io.StringIO(charts_to_csv({"errors": curve, "map": go.Figure(go.Heatmap(z=[[1, 2], [3, 4]]))})),
        dtype=object,
        keep_default_na=False,
    )
    assert table.values.tolist() == [
        ["errors", "10⁻⁴", "1", "0.5", "", "0.1"],
        ["errors", "10⁻⁴", "2", "0.25", "", "0.2"],
        ["errors", "", "a", "3", "", ""],
        ["map", "", "0", "0", "1", ""],
        ["map", "", "1", "0", "2", ""],
        ["map", "", "0", "1", "3", ""],
        ["map", "", "1", "1", "4", ""],
    ]


def test_no_chart_is_a_table_without_rows():
    assert charts_to_csv({}).split() == ["chart,series,x,y,value,error"]
